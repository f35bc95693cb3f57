// A program of the company's: takes what a webhook sends and checks the signatures as Standard Webhooks say.
import { createHmac } from 'node:crypto'
import { type IncomingMessage, type Server, createServer } from 'node:http'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Received {
  id: string
  timestamp: string
  signatures: string[]
  body: string
}

export class Receiver {
  readonly got: Received[] = []
  /** What it answers. */
  status = 200

  private constructor(
    readonly url: string,
    private readonly server: Server,
  ) {}

  static async start(): Promise<Receiver> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const receiver = new Receiver(`http://127.0.0.1:${port}/hook?key=of-theirs`, server)
    server.on('request', (request, response) => {
      void receiver.take(request).then(() => response.writeHead(receiver.status).end())
    })
    return receiver
  }

  private async take(request: IncomingMessage): Promise<void> {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const header = (name: string) => String(request.headers[name] ?? '')
    const signatures = header('webhook-signature').split(' ')
    this.got.push({ id: header('webhook-id'), timestamp: header('webhook-timestamp'), signatures, body: Buffer.concat(parts).toString() })
  }

  /** The next one of a kind, of those that no one asked for yet. */
  async next(kind: string): Promise<Received> {
    for (const end = Date.now() + 30_000; Date.now() < end; await sleep(50)) {
      const at = this.got.findIndex(({ body }) => (JSON.parse(body) as { type: string }).type === kind)
      if (at >= 0) return this.got.splice(at, 1)[0]!
    }
    throw new Error(`no ${kind} came`)
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections()
    this.server.close()
    await once(this.server, 'close')
  }
}

/** Whether a secret made one of the signatures. */
export function isSigned({ id, timestamp, signatures, body }: Received, secret: string): boolean {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  const tag = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  return signatures.includes(`v1,${tag}`)
}
