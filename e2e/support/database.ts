// A fresh database of either kind; PostgreSQL is the server that scripts/with-postgres names.
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'

export type DatabaseKind = 'sqlite' | 'postgres'

export function databaseKind(): DatabaseKind {
  const kind = process.env.E2E_DATABASE ?? 'sqlite'
  if (kind !== 'sqlite' && kind !== 'postgres') throw new Error(`E2E_DATABASE is sqlite or postgres, not ${kind}`)
  return kind
}

export class Database {
  private constructor(
    readonly settings: Record<string, string>,
    private readonly name?: string,
  ) {}

  static async create(kind: DatabaseKind): Promise<Database> {
    if (kind === 'sqlite') return new Database({})
    const name = `gatehouse_e2e_${randomBytes(6).toString('hex')}`
    await sql(`create database ${name}`)
    const url = new URL(serverUrl())
    url.pathname = name
    return new Database({ GATEHOUSE_DATABASE_URL: url.href }, name)
  }

  async drop(): Promise<void> {
    if (this.name) await sql(`drop database ${this.name} with (force)`)
  }
}

function serverUrl(): string {
  const url = process.env.GATEHOUSE_TEST_POSTGRES_URL
  if (!url) throw new Error('no PostgreSQL: run E2E_DATABASE=postgres scripts/with-postgres scripts/e2e')
  return url
}

async function sql(statement: string): Promise<void> {
  await promisify(execFile)('psql', ['-wqX', '-v', 'ON_ERROR_STOP=1', '-d', serverUrl(), '-c', statement])
}
