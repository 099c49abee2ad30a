-- Definitions that an application has and that an attacker finds: beside the tables of postgres-schema.sql.
create view public.v_plain as select id, name, city from customers;
create view public.v_over_view as select id as n, zip as x from v_people;
create view public.v_row as select id, row_to_json(c) as j from customers c;
create view public.v_function as select contact from get_person(1);
create view public.v_union as select id, name as v from customers union all select id, ssn from customers;
create view public.v_stats as select tablename, attname, most_common_vals::text as v, histogram_bounds::text as h from pg_stats;
create materialized view public.m_people as select id, ssn as code from customers;
create table public.kid (extra int) inherits (customers);
insert into kid values (3, 'Kim', 'Bern', 'kim@ex.com', '123-45-6789', '4111111111111111', 5100, '{}', 1);
create table public.notes (id int primary key, body text);
insert into notes values (1, 'nothing of note'), (2, 'call back');
create table public.scratchpad (id serial primary key, body text, n bigint unique);
create function public.shout(text) returns text language plpgsql as
  'begin raise notice ''saw %'', $1; return $1; end';
create function public.row_text(customers) returns text language sql as 'select $1.ssn';
create function public.run_text(text) returns text language plpgsql as
  'declare r text; begin execute $1 into r; return r; end';
create function public.keep_city() returns trigger language plpgsql as
  'begin new.city := new.ssn; return new; end';
create function public.plus_text(text, text) returns text language sql immutable as 'select $1 || $2';
create operator ||| (leftarg = text, rightarg = text, function = plus_text);
create domain public.short_text as text check (length(value) < 100);
create type public.pair as (a text, b text);
create type public.mood as enum ('glad', 'sad');
create procedure public.say(text) language plpgsql as 'begin raise notice ''%'', $1; end';
create aggregate public.glue(text) (sfunc = textcat, stype = text, initcond = '');
-- Operators and casts that read: of a name of their own, of one that PostgreSQL has, and over a type of their own.
create function public.ssn_of(int) returns text language sql stable as 'select ssn from public.customers where id = $1';
create function public.ssn_of_pair(public.pair) returns text language sql stable as 'select public.ssn_of($1.a::int)';
create function public.pair_of(int) returns public.pair language sql stable as 'select row(public.ssn_of($1), null)::public.pair';
create operator ### (rightarg = int, function = ssn_of);
create operator @-@ (rightarg = int, function = ssn_of);
create operator @@ (rightarg = public.pair, function = ssn_of_pair);
create cast (int as public.pair) with function pair_of(int);
create table public.pairs (id int primary key, p public.pair);
insert into pairs values (1, row('1', null)), (2, row('2', null));
create sequence public.counter;
create table public.generated_people (id int primary key, ssn text,
  digits text generated always as (replace(ssn, '-', '')) stored,
  words tsvector generated always as (to_tsvector('simple', ssn)) stored);
insert into generated_people (id, ssn) select id, ssn from customers;
create table public.payments (id int primary key, payer text references customers (ssn) on update cascade);
insert into payments values (1, '123-45-6789'), (2, '987-65-4321');
create view public.v_distinct as select attname, n_distinct, correlation from pg_stats where tablename = 'customers';
grant select on all tables in schema public to analyst;
grant insert, update, delete on all tables in schema public to writer;
grant usage, select, update on all sequences in schema public to writer;
grant create on schema scratch to writer;
