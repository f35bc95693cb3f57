// The same ground with a second identity provider of other hands: npm `samlp` signs with xml-crypto and encrypts with
// xml-encryption, and takes part in single logout by both bindings.
import { test as base, expect } from '../fixtures'
import { whoAmI } from '../support/console'
import type { Owner } from '../support/gatehouse'
import { SecondProvider, certificateIn } from '../support/second-idp'

const test = base.extend<object, { second: SecondProvider }>({
  second: [
    async ({}, use) => {
      const provider = await SecondProvider.start()
      await use(provider)
      await provider.stop()
    },
    { scope: 'worker', timeout: 60_000 },
  ],
})

test.describe.configure({ mode: 'serial' })

let owner: Owner
let id: string
let spCertificate: string
const path = () => `/api/v1/sso/connections/${id}`

test.afterEach(({ second }) => second.configure({ rolled: false, signResponse: false, encryptionCert: undefined }))

test('an administrator connects it', async ({ gatehouse, second, dns, apiOf }) => {
  owner = await gatehouse.createOwner('Second', 'owner@second.test')
  const api = await apiOf(owner)
  const claims = 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims'
  const created = await api.post('/api/v1/sso/connections', {
    name: 'samlp',
    protocol: 'saml',
    samlConfig: {
      entityId: second.entityId,
      ssoUrl: second.ssoUrl,
      sloUrl: second.sloUrl,
      certificate: second.certificate('old'),
      attributeMapping: { email: `${claims}/emailaddress`, name: `${claims}/name` },
    },
    jitProvisioning: true,
  })
  id = created.id
  const { domain, dnsRecord } = await api.post(`${path()}/domains`, { domain: 'second.test' })
  await dns.setTxt({ [dnsRecord.name]: dnsRecord.value })
  await api.put(`${path()}/domains/${domain.id}/verify`)
  await api.post(`${path()}/test`)
  expect(await api.post(`${path()}/activate`)).toMatchObject({ status: 'active' })

  const { entityId, acsUrl, metadataXml } = await api.get('/api/v1/sso/sp-metadata')
  spCertificate = certificateIn(metadataXml)
  second.configure({ sp: { entityId, acsUrl, sloUrl: `${gatehouse.url}/saml/slo/${id}`, certificate: spCertificate } })
})

for (const [what, settings] of Object.entries({
  'a signed assertion': {},
  'a signed response around a signed assertion': { signResponse: true },
  'an encrypted assertion': { encrypt: true },
  'an encrypted assertion in a signed response': { encrypt: true, signResponse: true },
})) {
  test(`${what} signs in`, async ({ page, gatehouse, second }) => {
    const { encrypt, ...rest } = settings as { encrypt?: boolean; signResponse?: boolean }
    second.configure({ ...rest, encryptionCert: encrypt ? spCertificate : undefined })
    await page.goto(`/sso/${id}/start?returnTo=/account`)
    await second.signIn(page, 'alice')
    await expect(page).toHaveURL(`${gatehouse.url}/account`)
    expect(await whoAmI(page)).toMatchObject({ user: { email: 'alice@second.test' }, role: 'viewer' })
  })
}

test('its rolled key is refused before it is pinned and good afterwards', async ({ page, gatehouse, second, apiOf }) => {
  second.configure({ rolled: true })
  await page.goto(`/sso/${id}/start`)
  const [answer] = await Promise.all([
    page.waitForResponse((response) => new URL(response.url()).pathname.startsWith('/saml/acs')),
    second.signIn(page, 'alice'),
  ])
  expect(answer.status()).toBe(401)
  await expect(page.getByRole('heading').first()).toBeVisible()

  const api = await apiOf(owner)
  await api.put(path(), { samlConfig: { certificates: [second.certificate('new'), second.certificate('old')] } })
  await page.goto(`/sso/${id}/start`)
  await expect(page).toHaveURL(`${gatehouse.url}/`)
  expect(await whoAmI(page)).toMatchObject({ user: { email: 'alice@second.test' } })
})

for (const [binding, ours] of [
  ['HTTP-Redirect', 'redirect'],
  ['HTTP-POST', 'post'],
] as const) {
  test(`single logout begun here ends the session there, by ${binding}`, async ({ page, second, apiOf }) => {
    await (await apiOf(owner)).put(path(), { samlConfig: { sloUrl: second.sloUrl, sloBinding: ours } })
    second.configure({ logoutBinding: binding })
    await page.goto(`/sso/${id}/start?returnTo=/account`)
    await second.signIn(page, 'alice')
    await expect(page).toHaveURL(/\/account$/)

    await page.getByRole('banner').getByText(owner.workspace).first().click()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await expect(page).toHaveURL(/\/login$/)
    expect(await whoAmI(page)).toBeNull()
    await page.goto(second.url)
    await expect(page.getByText('Signed out')).toBeVisible()
  })

  test(`single logout begun there ends the session here, by ${binding}`, async ({ page, second, apiOf, stranger }) => {
    await (await apiOf(owner)).put(path(), { samlConfig: { sloUrl: second.sloUrl, sloBinding: ours } })
    second.configure({ logoutBinding: binding })
    await page.goto(`/sso/${id}/start?returnTo=/account`)
    await second.signIn(page, 'bob')
    await expect(page).toHaveURL(/\/account$/)
    const held = (await page.context().cookies()).find((c) => c.name.endsWith('gatehouse_session'))!

    await page.goto(second.sloUrl)
    await expect(page.getByText('OK')).toBeVisible()
    expect(await whoAmI(page)).toBeNull()
    const reply = await stranger.get('/api/v1/me', { headers: { cookie: `${held.name}=${held.value}` } })
    expect(reply.status()).toBe(401)
  })
}
