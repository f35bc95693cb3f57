// WS-Federation with an identity provider that shares no code with ours: the page, signing in, replay, signing out both ways.
import type { Page } from '@playwright/test'
import { expect, test } from '../fixtures'
import { Api } from '../support/api'
import { done, field, signIn, whoAmI } from '../support/console'
import type { Owner } from '../support/gatehouse'

test.describe.configure({ mode: 'serial' })

let owner: Owner
let id: string

// its domain is free for the next journey
test.afterAll(({ gatehouse, playwright }) => Api.remove(playwright, gatehouse, owner, id))

/** Signs in at the provider, in a browser that it does not know yet. */
async function enter(page: Page, signIn: () => Promise<void>): Promise<void> {
  await page.goto(`/sso/${id}/start?returnTo=/account`)
  await signIn()
  await expect(page).toHaveURL(/\/account$/)
}

/** The provider knows nobody any more: it asks for the password. */
async function expectPasswordAsked(page: Page): Promise<void> {
  await page.goto(`/sso/${id}/start?returnTo=/account`)
  await expect(page.getByLabel('Password')).toBeVisible()
}

async function isOut(page: Page): Promise<void> {
  expect((await page.request.get('/api/v1/me')).status()).toBe(401)
}

test('an administrator sets it up on the page', async ({ page, gatehouse, idp, dns, apiOf }) => {
  owner = await gatehouse.createOwner('Federated', 'owner@federated.test')
  await signIn(page, owner)
  await page.goto('/settings/security/sso')
  await page.getByRole('main').getByRole('link', { name: 'Enable SSO' }).last().click()
  await field(page, 'Sign-on protocol').selectOption({ label: 'WS-Federation' })
  await expect(field(page, 'SSO provider').locator('option')).toHaveText(['Windows Azure', 'Other'])
  await expect(field(page, 'Azure AD sign-on end point url')).toBeVisible()
  await expect(field(page, 'Azure AD federation metadata document')).toBeVisible()
  await field(page, 'SSO provider').selectOption({ label: 'Other' })
  await field(page, 'AD sign-on end point url').fill(idp.wsfedSignOnUrl)
  await field(page, 'AD federation metadata document url').fill(idp.wsfedMetadataUrl)
  await page.getByLabel('Make an account at the first sign-in').check()
  await field(page, 'Role of new people').selectOption('member')
  const reply = await field(page, 'Reply URL').inputValue()
  const realm = await field(page, 'Realm').inputValue()
  await page.getByRole('button', { name: 'Save', exact: true }).click()
  await expect(done(page, 'SSO updated')).toBeVisible()

  const api = await apiOf(owner)
  const settings = await api.get('/api/v1/sso/settings')
  id = settings.connectionId
  expect(settings.replyUrl).toBe(reply)
  const path = `/api/v1/sso/connections/${id}`
  expect(await api.get(path)).toMatchObject({ protocol: 'wsfed', status: 'testing', wsfedConfig: { realm, replyUrl: reply, hasCertificate: true } })
  idp.configure({ wsfedRealm: realm, wsfedReply: reply })

  const { domain, dnsRecord } = await api.post(`${path}/domains`, { domain: 'example.test', verificationMethod: 'dns-txt' })
  await dns.setTxt({ [dnsRecord.name]: dnsRecord.value })
  await api.put(`${path}/domains/${domain.id}/verify`)
  await api.post('/api/v1/sso/settings/enable')
  expect((await api.get(path)).status).toBe('active')
})

test('a person signs in, gets an account, and lands where she wanted to go', async ({ page, gatehouse, idp }) => {
  await enter(page, () => idp.signIn(page, 'alice'))
  await expect(page).toHaveURL(`${gatehouse.url}/account`)
  expect(await whoAmI(page)).toMatchObject({ user: { email: 'alice@example.test', name: 'Alice Example' }, role: 'member' })
  const me = await (await page.request.get('/api/v1/me')).json()
  expect(me.sessions[0].method).toBe('wsfed')
})

test('somebody of another domain is refused, and the attempt says why', async ({ page, idp, apiOf }) => {
  await page.goto(`/sso/${id}/start`)
  await idp.signIn(page, 'eve')
  await expect(page.getByRole('heading', { name: 'Your sign-in was not accepted' })).toBeVisible()
  const api = await apiOf(owner)
  const attempts = await api.get(`/api/v1/sso/connections/${id}/attempts?outcome=failure`)
  expect(attempts.data[0].reason).toBe('domain_not_verified')
})

test('a token is of no use a second time, nor in another browser', async ({ page, browser, gatehouse, idp, apiOf }) => {
  let posted: string | null = null
  await page.route('**/wsfed/*/reply', async (route) => {
    posted = route.request().postData()
    await route.continue()
  })
  await enter(page, () => idp.signIn(page, 'bob'))
  expect(posted).toContain('wresult=')
  const again = { headers: { 'content-type': 'application/x-www-form-urlencoded' }, data: posted!, maxRedirects: 0 }
  const replay = await page.request.post(`/wsfed/${id}/reply`, again)
  expect(replay.status()).toBe(401)
  const thief = await browser.newContext({ baseURL: gatehouse.url })
  expect((await thief.request.post(`/wsfed/${id}/reply`, again)).status()).toBe(401)
  await thief.close()
  const attempts = await (await apiOf(owner)).get(`/api/v1/sso/connections/${id}/attempts?outcome=failure&pageSize=2`)
  expect(attempts.data.map((a: { reason: string }) => a.reason)).toEqual(['request_unknown', 'request_unknown'])
})

test('signing out here signs out at the provider', async ({ page, idp }) => {
  await enter(page, () => idp.signIn(page, 'alice'))
  // the provider remembers her: no password
  await page.goto(`/sso/${id}/start?returnTo=/account`)
  await expect(page).toHaveURL(/\/account$/)
  await page.goto('/account')
  await page.getByRole('banner').getByText('Federated').first().click()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await expect(page).toHaveURL(/\/login$/)
  await expect(page.getByText('You are signed out.')).toBeVisible()
  await isOut(page)
  await expectPasswordAsked(page)
})

test('signing out at the provider signs out here', async ({ page, idp, apiOf }) => {
  await enter(page, () => idp.signIn(page, 'alice'))
  await page.goto(idp.signOutUrl)
  await page.waitForLoadState('networkidle')
  await isOut(page)
  const events = await (await apiOf(owner)).get('/api/v1/audit-events?event=sso.logout-received')
  expect(events.data[0].details).toMatchObject({ sessionsEnded: 1 })
})
