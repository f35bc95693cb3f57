// The world outside of the product: https servers behind a proxy, among them a fake Entra ID and a fake ICI.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type Server, createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { type Server as SecureServer, createServer as createSecure } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const HOSTS = ['login.microsoftonline.com', 'acme-api.icertis.com', 'acme-business-api.icertis.com']

export class World {
  /** What the tokens of Entra ID say. */
  claims: Record<string, unknown> = {}
  private given = 0

  private constructor(
    private readonly folder: string,
    private readonly proxy: Server,
    private readonly secure: SecureServer,
  ) {}

  /** The settings that lead the product here. */
  get settings(): Record<string, string> {
    const { port } = this.proxy.address() as AddressInfo
    return { GATEHOUSE_EGRESS_PROXY: `http://127.0.0.1:${port}`, GATEHOUSE_EGRESS_CA_FILE: join(this.folder, 'ca.pem') }
  }

  static async start(): Promise<World> {
    const folder = mkdtempSync(join(tmpdir(), 'outside-'))
    certificates(folder)
    let outside: World
    const secure = createSecure(
      { key: readFileSync(join(folder, 'own.key')), cert: readFileSync(join(folder, 'own.pem')) },
      (request, response) => {
        const [status, body] = outside.answer(request.headers.host ?? '', request.url ?? '', request.headers)
        request.resume()
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
      },
    )
    await new Promise<void>((listening) => secure.listen(0, '127.0.0.1', listening))
    const proxy = createServer((_, response) => response.writeHead(502).end())
    proxy.on('connect', (request, socket) => {
      const host = (request.url ?? '').split(':')[0] ?? ''
      if (!HOSTS.includes(host)) return socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
      const there = connect((secure.address() as AddressInfo).port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        there.pipe(socket).pipe(there)
      })
      there.on('error', () => socket.destroy())
      socket.on('error', () => there.destroy())
    })
    await new Promise<void>((listening) => proxy.listen(0, '127.0.0.1', listening))
    outside = new World(folder, proxy, secure)
    return outside
  }

  private answer(host: string, path: string, headers: Record<string, string | string[] | undefined>): [number, unknown] {
    if (host === 'login.microsoftonline.com' && path.endsWith('/token')) {
      this.given += 1
      const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
      const token = `${part({ alg: 'RS256' })}.${part({ ...this.claims, uti: this.given })}.c2ln`
      return [200, { token_type: 'Bearer', access_token: token, expires_in: 3600, refresh_token: `rt-${this.given}` }]
    }
    if (host.endsWith('.icertis.com')) {
      const known = headers.authorization?.toString().startsWith('Bearer ') || headers.icmauthtoken === 'ici-key'
      return known ? [200, { data: [] }] : [401, { message: 'The token is not accepted.' }]
    }
    return [404, { error: 'nothing here' }]
  }

  async stop(): Promise<void> {
    for (const server of [this.proxy, this.secure]) {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    }
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** An authority of this run, and a certificate of it for all hosts. */
function certificates(folder: string): void {
  const at = (name: string) => join(folder, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl('req', '-x509', ...key, '-keyout', at('ca.key'), '-out', at('ca.pem'), '-days', '2', '-subj', '/CN=Outside')
  openssl('req', ...key, '-keyout', at('own.key'), '-out', at('own.csr'), '-subj', '/CN=outside')
  writeFileSync(at('names'), `subjectAltName=${HOSTS.map((host) => `DNS:${host}`).join(',')}\n`)
  openssl('x509', '-req', '-in', at('own.csr'), '-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '2', '-extfile', at('names'), '-out', at('own.pem'))
}
