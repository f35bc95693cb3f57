// What every journey stands on. The servers live as long as the worker; workspaces and browsers are fresh for each test.
import { type APIRequestContext, type Page, test as base, expect, request } from '@playwright/test'
import { Api } from './support/api'
import { databaseKind } from './support/database'
import { DnsServer } from './support/dns'
import { Gatehouse, type Owner } from './support/gatehouse'
import { IdentityProvider } from './support/idp'

interface Servers {
  /** The host of the public URL. Passkeys need a name. */
  host: string
  dns: DnsServer
  idp: IdentityProvider
  gatehouse: Gatehouse
}

interface Actors {
  /** A new workspace and its owner, who signs in by password. */
  owner: Owner
  /** A browser in which that owner is signed in already. */
  ownerPage: Page
  /** The administration interface as seen by some owner. */
  apiOf: (owner: Owner) => Promise<Api>
  /** A client with nobody's cookies. */
  stranger: APIRequestContext
  /** Puts the server's last words beside a failure. */
  serverLog: void
}

let workspaces = 0

export const test = base.extend<Actors, Servers>({
  host: ['127.0.0.1', { scope: 'worker', option: true }],
  dns: [
    async ({}, use) => {
      const dns = await DnsServer.start()
      await use(dns)
      await dns.stop()
    },
    { scope: 'worker' },
  ],
  idp: [
    async ({}, use) => {
      const idp = await IdentityProvider.start()
      await use(idp)
      await idp.stop()
    },
    { scope: 'worker', timeout: 60_000 },
  ],
  gatehouse: [
    async ({ dns, host }, use) => {
      const gatehouse = await Gatehouse.start(databaseKind(), dns.address, host)
      await use(gatehouse)
      await gatehouse.stop()
    },
    { scope: 'worker', timeout: 60_000 },
  ],
  baseURL: async ({ gatehouse }, use) => use(gatehouse.url),
  owner: async ({ gatehouse }, use) => {
    const number = ++workspaces
    await use(await gatehouse.createOwner(`Workspace ${number}`, `owner@company${number}.test`))
  },
  ownerPage: async ({ page, owner }, use) => {
    const { email, password } = owner
    const answer = await page.request.post('/api/v1/auth/login', { data: { email, password } })
    expect(answer.status(), await answer.text()).toBe(200)
    await use(page)
  },
  apiOf: async ({ gatehouse, stranger }, use) => {
    await use(async (owner) => new Api(stranger, await gatehouse.token(owner)))
  },
  stranger: async ({ gatehouse }, use) => {
    const context = await request.newContext({ baseURL: gatehouse.url })
    await use(context)
    await context.dispose()
  },
  serverLog: [
    async ({ gatehouse }, use, info) => {
      await use()
      if (info.status === info.expectedStatus) return
      await info.attach('server log', { body: gatehouse.log.slice(-4_000), contentType: 'text/plain' })
    },
    { auto: true },
  ],
})

export { expect }
