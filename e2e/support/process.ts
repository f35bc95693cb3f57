// Starting, watching and stopping the programs a journey needs.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export const repository = resolve(__dirname, '../..')

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

/** The environment without our own settings: the server refuses settings that it does not know. */
export function cleanEnvironment(extra: Record<string, string>): Record<string, string> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('GATEHOUSE_'))
  return { ...(Object.fromEntries(inherited) as Record<string, string>), ...extra }
}

export class Service {
  private output = ''
  private constructor(
    readonly name: string,
    private readonly child: ChildProcess,
  ) {}

  /** Starts a program and waits until `ready` says yes; a program that ends before is an error with its last words. */
  static async start(
    name: string,
    command: string,
    args: string[],
    env: Record<string, string>,
    ready: () => Promise<boolean>,
  ): Promise<Service> {
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    const service = new Service(name, child)
    const keep = (chunk: Buffer) => {
      service.output = (service.output + chunk).slice(-20_000)
      if (process.env.E2E_LOG) appendFileSync(process.env.E2E_LOG, chunk)
    }
    child.stdout?.on('data', keep)
    child.stderr?.on('data', keep)
    child.on('error', (error) => keep(Buffer.from(String(error))))
    process.on('exit', () => child.kill())
    for (const end = Date.now() + 30_000; Date.now() < end; await sleep(50)) {
      if (child.exitCode !== null || child.pid === undefined) break
      if (await ready().catch(() => false)) return service
    }
    child.kill()
    throw new Error(`${name} did not start.\n${service.log}`)
  }

  get log(): string {
    return this.output
  }

  /** Asks it to stop and returns its exit code; null if a signal ended it. */
  async stop(): Promise<number | null> {
    if (this.child.exitCode !== null) return this.child.exitCode
    const ended = once(this.child, 'exit')
    this.child.kill('SIGTERM')
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 15_000)
    await ended
    clearTimeout(timer)
    return this.child.exitCode
  }
}

export async function answersTcp(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } finally {
    socket.destroy()
  }
}

export async function answersHttp(url: string): Promise<boolean> {
  return (await fetch(url)).ok
}
