// Peer: API keys of better-auth behind the smallest Node server. Use: better_auth.mjs MODULES memory|SQLite PORT FILE
// Writes a key into FILE, then answers 200 or 401 for `X-API-KEY`.
import { createRequire } from 'node:module'
import { createServer } from 'node:http'
import { writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

const [modules, kind, port, file] = process.argv.slice(2)
const require = createRequire(pathToFileURL(`${modules}/package.json`))
const load = async (name) => import(pathToFileURL(require.resolve(name)))
const { betterAuth } = await load('better-auth')
const { apiKey } = await load('@better-auth/api-key').catch(() => load('better-auth/plugins'))
let database
if (kind === 'memory') {
  const { memoryAdapter } = await load('better-auth/adapters/memory')
  database = memoryAdapter({ user: [], session: [], account: [], verification: [], apikey: [] })
} else {
  const { default: Database } = await load('better-sqlite3')
  database = new Database(`${file}.sqlite`)
}
const options = {
  database,
  secret: 'a secret of thirty-two characters',
  baseURL: `http://127.0.0.1:${port}`,
  emailAndPassword: { enabled: true },
  telemetry: { enabled: false },
  plugins: [apiKey({ rateLimit: { enabled: false } })],
}
const auth = betterAuth(options)
if (kind !== 'memory') {
  const { getMigrations } = await load('better-auth/db/migration').catch(() => load('better-auth/db'))
  await (await getMigrations(options)).runMigrations()
}
const { user } = await auth.api.signUpEmail({ body: { email: 'a@bench.example', password: 'a long password', name: 'A' } })
const made = await auth.api.createApiKey({ body: { userId: user.id, name: 'bench' } })
writeFileSync(file, `${made.key}\n`)
createServer(async (request, response) => {
  const key = request.headers['x-api-key']
  const verdict = key ? await auth.api.verifyApiKey({ body: { key } }) : { valid: true }
  response.writeHead(verdict.valid ? 200 : 401, { 'content-length': 0 }).end()
}).listen(Number(port), '127.0.0.1')
