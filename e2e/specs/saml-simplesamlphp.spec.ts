// Single sign-on with an identity provider that shares no code with ours, from the administrator's first call to refused attacks.
import type { APIResponse, Page } from '@playwright/test'
import { expect, test } from '../fixtures'
import type { Api } from '../support/api'
import { givePassword, nameYourself, whoAmI } from '../support/console'
import type { Owner } from '../support/gatehouse'

test.describe.configure({ mode: 'serial' })

let owner: Owner
let id: string
let spEntityId: string
const path = () => `/api/v1/sso/connections/${id}`
const statusOf = async (api: Api) => (await api.get(path())).status

test.afterEach(({ idp }) =>
  idp.configure({ encrypt: false, rolled: false, signResponse: true, signAssertion: true, requireSignedRequests: false }),
)

test('an administrator connects the identity provider', async ({ gatehouse, idp, dns, apiOf }) => {
  owner = await gatehouse.createOwner('Acme', 'owner@example.test')
  const api = await apiOf(owner)

  const created = await api.post('/api/v1/sso/connections', {
    name: 'SimpleSAMLphp',
    protocol: 'saml',
    samlConfig: {
      entityId: idp.entityId,
      ssoUrl: idp.ssoUrl,
      certificate: idp.certificate,
      attributeMapping: { email: 'mail', name: 'displayName' },
    },
    jitProvisioning: true,
    defaultRole: 'member',
  })
  expect(created).toMatchObject({ protocol: 'saml', status: 'inactive', jitProvisioning: true, defaultRole: 'member' })
  id = created.id

  await test.step('the identity provider reads our metadata', async () => {
    const metadata = await api.get('/api/v1/sso/sp-metadata')
    expect(metadata.entityId).toBe(`${gatehouse.url}/saml/metadata`)
    expect(metadata.acsUrl).toBe(`${gatehouse.url}/saml/acs`)
    spEntityId = metadata.entityId
    idp.importMetadata(metadata.metadataXml, [`${gatehouse.url}/saml/acs/${id}`, `${gatehouse.url}/saml/acs/${id}/idp`])
  })

  await test.step('it cannot be activated before it is tested and has a domain', async () => {
    const refused = await api.send('POST', `${path()}/activate`)
    expect(refused).toMatchObject({ status: 400, body: { error: { type: 'validation_error' } } })
  })

  const { domain, dnsRecord } = await api.post(`${path()}/domains`, { domain: 'example.test', verificationMethod: 'dns-txt' })
  expect(domain).toMatchObject({ domain: 'example.test', status: 'pending' })
  expect(dnsRecord).toMatchObject({ recordType: 'TXT', name: '_gatehouse-verify.example.test', value: domain.verificationToken })
  expect(dnsRecord.value).toMatch(/^gatehouse-verify=.{16,}$/)
  const verify = `${path()}/domains/${domain.id}/verify`

  await test.step('the domain is proved by the DNS record only', async () => {
    await api.send('PUT', verify)
    expect((await api.get(path())).domains[0].status).toBe('failed')
    await dns.setTxt({ [dnsRecord.name]: 'gatehouse-verify=something-else' })
    await api.send('PUT', verify)
    expect((await api.get(path())).domains[0].status).toBe('failed')
    await dns.setTxt({ [dnsRecord.name]: dnsRecord.value })
    expect(await api.put(verify)).toMatchObject({ success: true, domain: { status: 'verified' } })
  })

  const tested = await api.post(`${path()}/test`)
  expect(tested).toMatchObject({ success: true, details: { certificateValid: true, latencyMs: expect.any(Number) } })
  expect(await statusOf(api)).toBe('testing')
  await api.post(`${path()}/activate`)
  expect(await statusOf(api)).toBe('active')
})

test('a person signs in through it and lands where she wanted to go', async ({ page, gatehouse, idp }) => {
  await page.goto(`/sso/${id}/start?returnTo=/account`)
  await idp.signIn(page, 'alice')
  await expect(page).toHaveURL(`${gatehouse.url}/account`)
  expect(await whoAmI(page)).toMatchObject({ user: { email: 'alice@example.test' }, role: 'member' })
})

test('the sign-in page leads an e-mail of the domain to it', async ({ page, idp }) => {
  await page.goto('/login')
  await nameYourself(page, 'bob@example.test')
  await page.getByRole('link', { name: 'Continue', exact: true }).click()
  await idp.signIn(page, 'bob')
  await expect.poll(() => whoAmI(page)).toMatchObject({ user: { email: 'bob@example.test' }, role: 'member' })
})

test('the owner keeps the way in by password', async ({ page }) => {
  await page.goto('/login')
  await nameYourself(page, owner.email)
  await page.getByRole('button', { name: 'Having trouble logging in with SSO?' }).click()
  await givePassword(page, owner.password)
  await expect.poll(() => whoAmI(page)).toMatchObject({ user: { email: owner.email }, role: 'owner' })
})

test('a member sees nothing of its administration', async ({ page, gatehouse, idp }) => {
  await page.goto(`/sso/${id}/start?returnTo=/`)
  await idp.signIn(page, 'bob')
  await expect(page).toHaveURL(`${gatehouse.url}/`)
  await page.goto('/settings')
  await expect(page.getByRole('link', { name: 'Single Sign On' })).toHaveCount(0)
  const answer = await page.goto('/settings/security/sso')
  expect([403, 404]).toContain(answer?.status())
  expect((await page.request.get('/api/v1/sso/connections')).status()).toBe(403)
})

test('a person opens the application from the portal of the identity provider', async ({ page, gatehouse, idp }) => {
  await page.goto(idp.startUrl(spEntityId, `${gatehouse.url}/saml/acs/${id}/idp`, '/account'))
  await idp.signIn(page, 'alice')
  await expect(page).toHaveURL(`${gatehouse.url}/account`)
  expect(await whoAmI(page)).toMatchObject({ user: { email: 'alice@example.test' } })
})

test('the IdP-initiated address may be the audience, as in the Okta set-up', async ({ page, gatehouse, idp }) => {
  const acs = `${gatehouse.url}/saml/acs/${id}/idp`
  await page.goto(idp.startUrl(acs, acs))
  await idp.signIn(page, 'alice')
  await expect(page).toHaveURL(`${gatehouse.url}/`)
  expect(await whoAmI(page)).toMatchObject({ user: { email: 'alice@example.test' } })
})

test('a portal cannot send a person on to another host', async ({ page, gatehouse, idp }) => {
  await page.goto(idp.startUrl(spEntityId, `${gatehouse.url}/saml/acs/${id}/idp`, '//evil.test/'))
  await idp.signIn(page, 'alice')
  await expect(page).toHaveURL(`${gatehouse.url}/`)
})

test('a response is accepted once', async ({ page, gatehouse, idp, apiOf, stranger }) => {
  const posted = page.waitForRequest(isAcs)
  await page.goto(idp.startUrl(spEntityId, `${gatehouse.url}/saml/acs/${id}/idp`))
  await idp.signIn(page, 'alice')
  const request = await posted
  await expect(page).toHaveURL(`${gatehouse.url}/`)

  const replay = await stranger.post(request.url(), { form: formOf(request.postData()), headers: { accept: 'application/json' } })
  const decision = await expectRefused(replay)
  expect((await stranger.get('/api/v1/me')).status()).toBe(401)

  const reason = await (await apiOf(owner)).get(`/api/v1/decisions/${decision}`)
  expect(JSON.stringify(reason)).toMatch(/replay|already|once/i)
})

test('a response is worth nothing in another browser than the one that asked', async ({ page, gatehouse, idp, stranger }) => {
  let stolen: { url: string; form: Record<string, string> } | undefined
  await page.route(isAcsUrl, (route) => {
    stolen = { url: route.request().url(), form: formOf(route.request().postData()) }
    return route.abort()
  })
  await page.goto(`/sso/${id}/start`)
  await idp.signIn(page, 'alice')
  await expect.poll(() => stolen).toBeDefined()

  await expectRefused(await stranger.post(stolen!.url, { form: stolen!.form, headers: { accept: 'application/json' } }))
  expect((await stranger.get('/api/v1/me')).status()).toBe(401)
  expect(gatehouse.url).toBe(new URL(stolen!.url).origin)
})

test('a person of a domain nobody proved is refused', async ({ page, idp }) => {
  await expectTurnedAway(page, () => idp.signIn(page, 'eve'))
})

test('without just-in-time provisioning an unknown person is refused and a known one is not', async ({ page, idp, apiOf }) => {
  const api = await apiOf(owner)
  await api.put(path(), { jitProvisioning: false })
  await expectTurnedAway(page, () => idp.signIn(page, 'mallory'))

  await page.context().clearCookies()
  await page.goto(`/sso/${id}/start`)
  await idp.signIn(page, 'alice')
  await expect.poll(() => whoAmI(page)).toMatchObject({ user: { email: 'alice@example.test' } })
  await api.put(path(), { jitProvisioning: true })
})

for (const [what, settings] of Object.entries({
  'an encrypted assertion': { encrypt: true },
  'a signature on the response alone': { signAssertion: false },
  'a signature on the assertion alone': { signResponse: false },
  'an encrypted assertion, signed inside only': { encrypt: true, signResponse: false },
})) {
  test(`${what} is accepted`, async ({ page, gatehouse, idp }) => {
    idp.configure(settings)
    await page.goto(`/sso/${id}/start`)
    await idp.signIn(page, 'alice')
    await expect(page).toHaveURL(`${gatehouse.url}/`)
    expect(await whoAmI(page)).toMatchObject({ user: { email: 'alice@example.test' } })
  })
}

for (const [what, settings] of Object.entries({
  'no signature': { signAssertion: false, signResponse: false },
  'encryption instead of a signature': { encrypt: true, signAssertion: false, signResponse: false },
  'a signature by a key nobody told us': { rolled: true },
})) {
  test(`${what} is refused`, async ({ page, idp }) => {
    idp.configure(settings)
    await expectTurnedAway(page, () => idp.signIn(page, 'alice'))
  })
}

test('after a second certificate is stored both keys are good', async ({ page, gatehouse, idp, apiOf }) => {
  const api = await apiOf(owner)
  await api.put(path(), { samlConfig: { certificates: [idp.certificate, idp.nextCertificate] } })
  for (const rolled of [false, true]) {
    idp.configure({ rolled })
    await page.context().clearCookies()
    await page.goto(`/sso/${id}/start`)
    await idp.signIn(page, 'alice')
    await expect(page).toHaveURL(`${gatehouse.url}/`)
    expect(await whoAmI(page)).toMatchObject({ user: { email: 'alice@example.test' } })
  }
})

test('an identity provider that wants signed requests gets them', async ({ page, gatehouse, idp, apiOf }) => {
  await (await apiOf(owner)).put(path(), { samlConfig: { signRequests: true } })
  idp.configure({ requireSignedRequests: true })
  await page.goto(`/sso/${id}/start`)
  await idp.signIn(page, 'alice')
  await expect(page).toHaveURL(`${gatehouse.url}/`)
})

test('a deactivated connection lets nobody in and throws nobody out', async ({ page, browser, gatehouse, idp, apiOf }) => {
  await page.goto(`/sso/${id}/start`)
  await idp.signIn(page, 'alice')
  await expect(page).toHaveURL(`${gatehouse.url}/`)

  const api = await apiOf(owner)
  await api.post(`${path()}/deactivate`)
  expect(await statusOf(api)).toBe('inactive')
  expect(await whoAmI(page)).not.toBeNull()

  const other = await browser.newPage({ baseURL: gatehouse.url })
  const answer = await other.goto(`/sso/${id}/start`)
  expect(answer?.status()).toBeGreaterThanOrEqual(400)
  expect(new URL(other.url()).origin).toBe(gatehouse.url)
  await other.close()

  // its domain is free for the next journey
  await api.delete(path())
})

const isAcsUrl = (url: URL) => url.pathname.startsWith('/saml/acs')
const isAcs = (request: { method(): string; url(): string }) => request.method() === 'POST' && isAcsUrl(new URL(request.url()))
const formOf = (body: string | null) => Object.fromEntries(new URLSearchParams(body ?? ''))

/** A refusal in JSON; returns the id of the recorded reason. */
async function expectRefused(answer: APIResponse): Promise<string> {
  expect(answer.status()).toBeGreaterThanOrEqual(400)
  expect(answer.status()).toBeLessThan(500)
  const { error } = await answer.json()
  expect(error).toMatchObject({ type: expect.any(String), message: expect.any(String), decision: expect.any(String) })
  return error.decision
}

/** The browser is shown a page that says no, with the id under which an administrator finds the reason. */
async function expectTurnedAway(page: Page, signIn: () => Promise<void>): Promise<void> {
  await page.goto(`/sso/${id}/start`)
  const [answer] = await Promise.all([page.waitForResponse((response) => isAcs(response.request())), signIn()])
  expect(answer.status()).toBeGreaterThanOrEqual(400)
  expect(answer.status()).toBeLessThan(500)
  await expect(page.getByRole('heading').first()).toBeVisible()
  expect(await whoAmI(page)).toBeNull()
}
