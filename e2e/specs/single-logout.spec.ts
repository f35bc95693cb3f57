// Single logout with an identity provider that shares no code with ours, on another site than ours, both ways.
import type { Page } from '@playwright/test'
import { expect, test } from '../fixtures'
import { Api } from '../support/api'
import { whoAmI } from '../support/console'
import type { Owner } from '../support/gatehouse'

test.describe.configure({ mode: 'serial' })

let owner: Owner
let id: string

test.beforeAll(async ({ gatehouse, idp, dns, playwright }) => {
  owner = await gatehouse.createOwner('Leavers', 'owner@leavers.test')
  const token = await gatehouse.token(owner)
  const client = await playwright.request.newContext({
    baseURL: gatehouse.url,
    extraHTTPHeaders: { authorization: `Bearer ${token}` },
  })
  const call = async (method: string, path: string, data?: unknown) => {
    const answer = await client.fetch(path, { method, data })
    expect(answer.status(), await answer.text()).toBe(200)
    return answer.json()
  }
  const created = await call('POST', '/api/v1/sso/connections', {
    name: 'SimpleSAMLphp',
    protocol: 'saml',
    samlConfig: {
      entityId: idp.entityId,
      ssoUrl: idp.ssoUrl,
      sloUrl: idp.sloUrl,
      certificate: idp.certificate,
      attributeMapping: { email: 'mail', name: 'displayName' },
    },
    jitProvisioning: true,
    defaultRole: 'member',
  })
  id = created.id
  const path = `/api/v1/sso/connections/${id}`
  const { metadataXml } = await call('GET', '/api/v1/sso/sp-metadata')
  idp.importMetadata(metadataXml, [`${gatehouse.url}/saml/acs/${id}`, `${gatehouse.url}/saml/acs/${id}/idp`])
  const { domain, dnsRecord } = await call('POST', `${path}/domains`, { domain: 'example.test', verificationMethod: 'dns-txt' })
  await dns.setTxt({ [dnsRecord.name]: dnsRecord.value })
  await call('PUT', `${path}/domains/${domain.id}/verify`)
  await call('POST', `${path}/test`)
  await call('POST', `${path}/activate`)
  await client.dispose()
})

// its domain is free for the next journey
test.afterAll(({ gatehouse, playwright }) => Api.remove(playwright, gatehouse, owner, id))

/** Signs in at the provider and says with which cookie of ours. */
async function enter(page: Page, signIn: () => Promise<void>): Promise<string> {
  await page.goto(`/sso/${id}/start?returnTo=/account`)
  await signIn()
  await expect(page).toHaveURL(/\/account$/)
  const cookie = (await page.context().cookies()).find((c) => c.name.endsWith('gatehouse_session'))
  expect(cookie).toBeDefined()
  return `${cookie!.name}=${cookie!.value}`
}

/** The provider knows nobody any more: it asks for the password. */
async function expectPasswordAsked(page: Page): Promise<void> {
  await page.goto(`/sso/${id}/start`)
  await expect(page.getByLabel('Username')).toBeVisible()
}

for (const binding of ['redirect', 'post']) {
  test(`signing out here signs out at the provider, by ${binding}`, async ({ page, idp, apiOf, stranger }) => {
    await (await apiOf(owner)).put(`/api/v1/sso/connections/${id}`, { samlConfig: { sloBinding: binding } })
    idp.configure({ sloBinding: binding })
    const cookie = await enter(page, () => idp.signIn(page, 'alice'))
    await page.getByRole('banner').getByText('Leavers').first().click()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await expect(page).toHaveURL(/\/login$/)
    await expect(page.getByText('You are signed out here and at your identity provider.')).toBeVisible()
    expect(await whoAmI(page)).toBeNull()
    expect((await stranger.get('/api/v1/me', { headers: { cookie } })).status()).toBe(401)
    await expectPasswordAsked(page)
  })

  test(`signing out at the provider signs out here, by ${binding}`, async ({ page, idp, apiOf, stranger }) => {
    const api = await apiOf(owner)
    await api.put(`/api/v1/sso/connections/${id}`, { samlConfig: { sloBinding: binding } })
    idp.configure({ sloBinding: binding })
    const cookie = await enter(page, () => idp.signIn(page, 'bob'))
    await page.goto(idp.signOutUrl)
    await expect(page).toHaveURL(`${idp.url}/logout.php`)
    expect(await whoAmI(page)).toBeNull()
    expect((await stranger.get('/api/v1/me', { headers: { cookie } })).status()).toBe(401)
    await expectPasswordAsked(page)

    const { data } = await api.get(`/api/v1/sso/connections/${id}/attempts?pageSize=1`)
    expect(data[0]).toMatchObject({ flow: 'logout', outcome: 'success' })
  })
}
