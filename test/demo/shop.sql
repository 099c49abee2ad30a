-- The sample shop: customers, what they ordered and how they paid. Nobody in it exists: addresses are of domains for
-- examples, telephone numbers of the range for fiction, card numbers are made up and only their check digit is right.

CREATE TABLE customers (
  id integer PRIMARY KEY,
  name text NOT NULL,
  email text NOT NULL UNIQUE,
  phone text NOT NULL,
  ssn text NOT NULL,
  card_number text NOT NULL,
  city text NOT NULL
);

CREATE TABLE orders (
  id integer PRIMARY KEY,
  customer_id integer NOT NULL REFERENCES customers,
  placed_at timestamptz NOT NULL,
  status text NOT NULL CHECK (status IN ('open', 'paid', 'shipped', 'delivered', 'cancelled')),
  total numeric(10, 2) NOT NULL,
  note text
);

CREATE TABLE payments (
  id integer PRIMARY KEY,
  order_id integer NOT NULL REFERENCES orders,
  amount numeric(10, 2) NOT NULL,
  card_number text NOT NULL,
  status text NOT NULL CHECK (status IN ('authorised', 'settled', 'refunded')),
  paid_at timestamptz NOT NULL
);

INSERT INTO customers (id, name, email, phone, ssn, card_number, city) VALUES
  (1, 'Amelia Ward', 'amelia.ward@example.com', '+1 212 555 0110', '265-29-7468', '4111181590830168', 'Portland'),
  (2, 'Bruno Castellani', 'bruno.castellani@example.org', '+1 212 555 0111', '314-18-4943', '5555860913909961', 'Boston'),
  (3, 'Chidi Okafor', 'chidi.okafor@example.net', '+1 713 555 0112', '125-38-1763', '4111246281948213', 'Houston'),
  (4, 'Dana Lindqvist', 'dana.lindqvist@example.com', '+1 503 555 0113', '397-83-4078', '5555181909378651', 'Seattle'),
  (5, 'Elif Aydin', 'elif.aydin@example.org', '+1 503 555 0114', '338-84-8424', '374323194875740', 'Chicago'),
  (6, 'Farid Rahimi', 'farid.rahimi@example.net', '+1 713 555 0115', '411-19-2934', '5555625276018951', 'Denver'),
  (7, 'Greta Hoffmann', 'greta.hoffmann@example.com', '+1 713 555 0116', '274-98-6737', '4111797114710493', 'Austin'),
  (8, 'Hana Kobayashi', 'hana.kobayashi@example.org', '+1 617 555 0117', '448-67-5662', '5555507529170344', 'San Jose'),
  (9, 'Isaac Mbeki', 'isaac.mbeki@example.net', '+1 617 555 0118', '166-41-7519', '4111712768426841', 'Atlanta'),
  (10, 'Julia Nowak', 'julia.nowak@example.com', '+1 617 555 0119', '461-63-6878', '373212233079243', 'Detroit'),
  (11, 'Kofi Boateng', 'kofi.boateng@example.org', '+1 617 555 0120', '244-10-3386', '4111859952890785', 'Newark'),
  (12, 'Lucía Herrera', 'lucia.herrera@example.net', '+1 617 555 0121', '300-60-7536', '5555176031372150', 'Miami'),
  (13, 'Mateo Silva', 'mateo.silva@example.com', '+1 212 555 0122', '407-16-2677', '4111928159013960', 'Tampa'),
  (14, 'Nadia Petrova', 'nadia.petrova@example.org', '+1 503 555 0123', '176-91-5132', '5555957117777416', 'Albany'),
  (15, 'Owen O''Brien', 'owen.obrien@example.net', '+1 503 555 0124', '173-23-6613', '377280385280840', 'Buffalo');

INSERT INTO orders (id, customer_id, placed_at, status, total, note) VALUES
  (1001, 3, '2026-03-04 21:17+00', 'delivered', 433.34, NULL),
  (1002, 1, '2026-03-07 08:33+00', 'delivered', 468.25, NULL),
  (1003, 5, '2026-03-08 13:31+00', 'delivered', 351.73, NULL),
  (1004, 7, '2026-03-09 17:20+00', 'delivered', 121.47, 'read her card out on the phone: 4111 7971 1471 0493'),
  (1005, 2, '2026-03-11 08:54+00', 'cancelled', 158.00, NULL),
  (1006, 9, '2026-03-12 11:34+00', 'delivered', 341.44, NULL),
  (1007, 4, '2026-03-14 08:25+00', 'delivered', 158.17, NULL),
  (1008, 11, '2026-03-16 16:40+00', 'shipped', 139.89, 'leave it with the neighbour'),
  (1009, 3, '2026-03-18 21:31+00', 'shipped', 274.59, NULL),
  (1010, 6, '2026-03-19 15:04+00', 'delivered', 160.59, NULL),
  (1011, 15, '2026-03-20 18:50+00', 'paid', 334.94, NULL),
  (1012, 9, '2026-03-21 01:40+00', 'shipped', 30.99, NULL),
  (1013, 13, '2026-03-22 12:56+00', 'cancelled', 195.11, 'verified by social security number 407-16-2677'),
  (1014, 8, '2026-03-24 14:34+00', 'paid', 138.90, NULL),
  (1015, 1, '2026-03-26 00:25+00', 'paid', 237.62, NULL),
  (1016, 10, '2026-03-27 04:30+00', 'open', 241.06, NULL),
  (1017, 12, '2026-03-27 15:44+00', 'open', 156.48, NULL),
  (1018, 14, '2026-03-28 09:05+00', 'open', 320.07, NULL);

INSERT INTO payments (id, order_id, amount, card_number, status, paid_at) VALUES
  (1, 1001, 433.34, '4111246281948213', 'settled', '2026-03-04 21:20+00'),
  (2, 1002, 468.25, '4111181590830168', 'settled', '2026-03-07 08:36+00'),
  (3, 1003, 351.73, '374323194875740', 'settled', '2026-03-08 13:34+00'),
  (4, 1004, 121.47, '4111797114710493', 'settled', '2026-03-09 17:23+00'),
  (5, 1005, 158.00, '5555860913909961', 'refunded', '2026-03-11 08:57+00'),
  (6, 1006, 341.44, '4111712768426841', 'settled', '2026-03-12 11:37+00'),
  (7, 1007, 158.17, '5555181909378651', 'settled', '2026-03-14 08:28+00'),
  (8, 1008, 139.89, '4111859952890785', 'settled', '2026-03-16 16:43+00'),
  (9, 1009, 274.59, '4111246281948213', 'settled', '2026-03-18 21:34+00'),
  (10, 1010, 160.59, '5555625276018951', 'settled', '2026-03-19 15:07+00'),
  (11, 1011, 334.94, '377280385280840', 'authorised', '2026-03-20 18:53+00'),
  (12, 1012, 30.99, '4111712768426841', 'settled', '2026-03-21 01:43+00'),
  (13, 1013, 195.11, '4111928159013960', 'refunded', '2026-03-22 12:59+00'),
  (14, 1014, 138.90, '5555507529170344', 'authorised', '2026-03-24 14:37+00'),
  (15, 1015, 237.62, '4111181590830168', 'authorised', '2026-03-26 00:28+00');

-- What each role of the connection may do. The writer owns the tables and may drop them: what stops a DROP in the demo is
-- the gateway and nothing else.
GRANT SELECT ON customers, orders, payments TO shop_reader;
ALTER TABLE customers OWNER TO shop_writer;
ALTER TABLE orders OWNER TO shop_writer;
ALTER TABLE payments OWNER TO shop_writer;
