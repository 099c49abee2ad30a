import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'

const databases: string[] = []

/** The address of an empty database for a store. */
export async function newDatabase(): Promise<string> {
  const name = `reviews_${process.pid}_${randomBytes(4).toString('hex')}`
  databases.push(name)
  await asSuperuser(`create database "${name}"`)
  return urlOf(name)
}

/** Drops every database that was made here. */
export async function dropDatabases(): Promise<void> {
  for (const name of databases.splice(0)) await asSuperuser(`drop database "${name}" with (force)`)
}

function urlOf(database: string): string {
  const { host, port, superuser, superuserPassword } = inject('postgres')
  return `postgres://${superuser}:${encodeURIComponent(superuserPassword)}@${host}:${port}/${database}`
}

async function asSuperuser(text: string): Promise<void> {
  const client = new pg.Client({ connectionString: urlOf('postgres') })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}
