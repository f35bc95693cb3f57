// check.mjs GATEHOUSE OBSERVATORY: the rules of MDN's HTTP Observatory against the product behind a TLS proxy, as it is deployed.
// OBSERVATORY is the folder into which scripts/setup put the npm package @mdn/mdn-http-observatory. Exits 0 if all rules pass.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createPlain, request } from 'node:http'
import { createServer } from 'node:https'
import { createServer as createSocket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const [gatehouse, folder] = process.argv.slice(2)
const observatory = join(folder, 'node_modules/@mdn/mdn-http-observatory')
const pages = ['/', '/login', '/account', '/saml/metadata', '/healthz', '/no-such-page']

// Lists that the package's install script would fetch; a local name is in neither.
for (const [name, content] of [['hsts-preload.json', '{}'], ['tld-list.json', '[]']]) {
  const file = join(observatory, 'conf', name)
  if (!existsSync(file)) writeFileSync(file, content)
}

const state = mkdtempSync(join(tmpdir(), 'gatehouse-observatory-'))
const [plain, secure, inner] = await Promise.all([freePort(), freePort(), freePort()])
const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
const files = ['-keyout', join(state, 'tls.key'), '-out', join(state, 'tls.crt')]
execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', ...names, ...files], { stdio: 'ignore' })

if (!process.env.OBSERVATORY_TLS) {
  // Node reads it at its start alone, so the work is done by a child that trusts a certificate made before.
  const keep = { ...process.env, NODE_EXTRA_CA_CERTS: join(state, 'tls.crt'), OBSERVATORY_TLS: state }
  const child = spawn(process.execPath, process.argv.slice(1), { env: keep, stdio: 'inherit' })
  const code = await new Promise((done) => child.on('exit', done))
  rmSync(state, { recursive: true, force: true })
  process.exit(code ?? 1)
}
rmSync(state, { recursive: true, force: true })

const tls = process.env.OBSERVATORY_TLS
const url = `https://localhost:${secure}`
const forward = (incoming, answer) => {
  const outgoing = request({ host: '127.0.0.1', port: inner, path: incoming.url, method: incoming.method, headers: incoming.headers }, (from) => {
    answer.writeHead(from.statusCode, from.rawHeaders)
    from.pipe(answer)
  })
  outgoing.on('error', () => answer.destroy())
  incoming.pipe(outgoing)
}
const proxies = [
  createServer({ key: readFileSync(join(tls, 'tls.key')), cert: readFileSync(join(tls, 'tls.crt')) }, forward).listen(secure, 'localhost'),
  createPlain((incoming, answer) => answer.writeHead(301, { location: `${url}${incoming.url}` }).end()).listen(plain, 'localhost'),
]
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GATEHOUSE_')))
const server = spawn(gatehouse, ['serve'], {
  env: { ...environment, GATEHOUSE_LISTEN: `127.0.0.1:${inner}`, GATEHOUSE_PUBLIC_URL: url, GATEHOUSE_DATA_DIR: join(tls, 'data') },
  stdio: ['ignore', 'ignore', 'pipe'],
})
let log = ''
server.stderr.on('data', (chunk) => (log = (log + chunk).slice(-5000)))

let failed = 0
try {
  for (let i = 0; i < 200 && !(await fetch(`${url}/readyz`).catch(() => null))?.ok; i++) await sleep(50)
  const { retrieve } = await import(join(observatory, 'src/retriever/retriever.js'))
  const { ALL_TESTS } = await import(join(observatory, 'src/constants.js'))
  for (const path of pages) {
    const found = await retrieve('localhost', { path, httpPort: plain, httpsPort: secure })
    if (!found.responses.auto) throw new Error(`${path} could not be retrieved\n${log}`)
    for (const rule of ALL_TESTS) {
      const { result, pass, constructor } = rule(found)
      if (!pass) failed++
      console.log(`${pass ? 'pass' : 'FAIL'}  ${path}  ${constructor.name}: ${result}`)
    }
  }
} finally {
  server.kill('SIGTERM')
  proxies.forEach((proxy) => proxy.close())
}
console.log(failed ? `${failed} failed` : 'all rules pass')
process.exit(failed ? 1 : 0)

async function freePort() {
  const socket = createSocket().listen(0, '127.0.0.1')
  await new Promise((done) => socket.once('listening', done))
  const { port } = socket.address()
  await new Promise((done) => socket.close(done))
  return port
}
