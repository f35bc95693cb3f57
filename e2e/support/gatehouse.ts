// The product: the real binary with a fresh data directory and database.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Database, type DatabaseKind } from './database'
import { Service, answersHttp, cleanEnvironment, freePort, repository } from './process'

const binary = process.env.GATEHOUSE_BIN ?? join(process.env.CARGO_TARGET_DIR ?? join(repository, 'target'), 'debug/gatehouse')

export interface Owner {
  workspace: string
  workspaceId: string
  email: string
  password: string
}

export class Gatehouse {
  private constructor(
    readonly url: string,
    private readonly env: Record<string, string>,
    private readonly dataDir: string,
    private readonly database: Database,
    private readonly service: Service,
  ) {}

  static async start(kind: DatabaseKind, dnsServer: string, host: string, settings: Record<string, string> = {}): Promise<Gatehouse> {
    const port = await freePort()
    const url = `http://${host}:${port}`
    const dataDir = mkdtempSync(join(tmpdir(), 'gatehouse-e2e-'))
    const database = await Database.create(kind)
    const env = cleanEnvironment({
      GATEHOUSE_LISTEN: `127.0.0.1:${port}`,
      GATEHOUSE_PUBLIC_URL: url,
      GATEHOUSE_DATA_DIR: dataDir,
      GATEHOUSE_DNS_SERVER: dnsServer,
      // metadata of the identity provider, which is on this machine, is fetched from its address
      GATEHOUSE_EGRESS_ALLOW: '127.0.0.0/8',
      ...database.settings,
      ...settings,
    })
    try {
      const service = await Service.start('gatehouse serve', binary, ['serve'], env, () => answersHttp(`${url}/readyz`))
      return new Gatehouse(url, env, dataDir, database, service)
    } catch (error) {
      await remove(dataDir, database)
      throw error
    }
  }

  /** What it said lately. */
  get log(): string {
    return this.service.log
  }

  /** Runs a command beside the running server, as an operator would, and returns what it printed. */
  async command(args: string[], input = ''): Promise<string> {
    const child = spawn(binary, args, { env: this.env, stdio: ['pipe', 'pipe', 'pipe'] })
    let [out, err] = ['', '']
    child.stdout.on('data', (chunk) => (out += chunk))
    child.stderr.on('data', (chunk) => (err += chunk))
    child.stdin.end(input)
    const [code] = await once(child, 'close')
    if (code !== 0) throw new Error(`gatehouse ${args.join(' ')}: exit ${code}\n${err}${out}`)
    return out.trim()
  }

  async createOwner(workspace: string, email: string): Promise<Owner> {
    const password = `the ${workspace} owner's long password`
    const args = ['admin', 'create-owner', '--workspace', workspace, '--email', email, '--password-stdin']
    const { workspaceId } = JSON.parse(await this.command(args, `${password}\n`)) as { workspaceId: string }
    return { workspace, workspaceId, email, password }
  }

  token(owner: Owner): Promise<string> {
    return this.command(['admin', 'token', '--workspace', owner.workspace, '--email', owner.email])
  }

  async stop(): Promise<void> {
    const code = await this.service.stop()
    await remove(this.dataDir, this.database)
    if (code !== 0) throw new Error(`the server did not stop cleanly (exit ${code})\n${this.service.log}`)
  }
}

async function remove(dataDir: string, database: Database): Promise<void> {
  await database.drop()
  rmSync(dataDir, { recursive: true, force: true })
}
