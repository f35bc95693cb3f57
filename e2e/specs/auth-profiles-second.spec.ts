// Authorization profiles with a second independent authorization server: npm `@node-oauth/oauth2-server`.
import { test as base, expect } from '../fixtures'
import { AuthorizationServer } from '../support/oauth2-server'

const TOKEN_SECONDS = 2
const test = base.extend<object, { as: AuthorizationServer }>({
  as: [
    async ({}, use) => {
      const server = await AuthorizationServer.start(TOKEN_SECONDS)
      await use(server)
      await server.stop()
    },
    { scope: 'worker', timeout: 60_000 },
  ],
})

test('a grant is made in the browser, renewed, lost and made again', async ({ ownerPage: page, owner, as, gatehouse, apiOf }) => {
  test.setTimeout(120_000)
  const api = await apiOf(owner)
  const made = await api.post('/api/v1/auth-profiles', {
    authorizationType: 'oauth2',
    identityProviderName: 'The second server',
    clientId: 'gatehouse',
    clientSecret: 'gatehouse-secret-of-the-second',
    clientAuthentication: 'post',
    authorizationUrl: `${as.url}/authorize`,
    tenancyUrl: false,
    tokenRequestUrl: `${as.url}/token`,
    revocationUrl: `${as.url}/revoke`,
    scope: 'who',
    allowedHosts: [new URL(as.url).host],
  })
  const path = `/api/v1/auth-profiles/${made.id}`
  expect(made.callbackUrl).toMatch(new RegExp(`^${gatehouse.url}/oauth/callback/.{20,}$`))
  await as.register(made.callbackUrl)
  // the browser begins in its own session
  const authorize = async (answer: 'Allow' | 'Deny') => {
    const begun = await page.request.post(`${path}/authorize`, { data: { as: 'person' }, headers: { origin: gatehouse.url } })
    expect(begun.status(), await begun.text()).toBe(200)
    await page.goto((await begun.json()).redirectUrl)
    await as.answer(page, 'Ada of the second', answer)
  }
  const who = () => api.send('POST', `${path}/request`, { method: 'GET', url: `${as.url}/api/who`, as: 'person' })
  const state = async () => (await api.get(path)).ownGrant?.state

  await authorize('Deny')
  await expect(page.getByText(/declined|refused|denied/i).first()).toBeVisible()
  expect(await state()).toBeUndefined()

  await authorize('Allow')
  await expect(page.getByText('The second server is authorized.')).toBeVisible()
  expect((await who()).body).toMatchObject({ status: 200, body: '{"who":"Ada of the second"}' })
  const before = await as.counts()
  await page.waitForTimeout(TOKEN_SECONDS * 1000 + 200)
  // over and asked for by many: the server is asked once
  const all = await Promise.all(Array.from({ length: 20 }, who))
  for (const one of all) expect(one.body).toMatchObject({ status: 200 })
  expect((await as.counts()).refresh_token).toBe(before.refresh_token + 1)

  await as.forget()
  const lost = await who()
  expect(lost.status, JSON.stringify(lost.body)).not.toBe(200)
  expect(await state()).toBe('needs_reauthorization')
  await authorize('Allow')
  await expect(page.getByText('The second server is authorized.')).toBeVisible()
  expect((await who()).body).toMatchObject({ status: 200 })

  // a profile that goes takes its grants along, at the server too
  expect((await as.counts()).refreshTokens).toBe(1)
  await api.delete(path)
  await expect.poll(async () => (await as.counts()).refreshTokens, { timeout: 20_000 }).toBe(0)
})
