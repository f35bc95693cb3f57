// An authorization profile from its form to the end of its consent, with an independent authorization server that demands
// PKCE and rotates refresh tokens: npm `oidc-provider`.
import { test as base, expect } from '../fixtures'
import { done, field, signIn } from '../support/console'
import type { Owner } from '../support/gatehouse'
import { expectGood } from '../support/looks'
import { Outside } from '../support/outside'

const test = base.extend<object, { outside: Outside }>({
  outside: [
    async ({}, use) => {
      const outside = await Outside.prepare()
      await use(outside)
      await outside.stop()
    },
    { scope: 'worker', timeout: 60_000 },
  ],
})

test.describe.configure({ mode: 'serial' })

const PAGE = '/integrations/auth-profiles'
let owner: Owner
let id: string

test('an administrator makes a profile on the page', async ({ page, gatehouse, outside, apiOf }) => {
  test.setTimeout(120_000)
  owner = await gatehouse.createOwner('Outside', 'owner@outside.test')
  await signIn(page, owner)
  await page.goto('/')
  await page.getByRole('link', { name: 'Integrations' }).click()
  await page.getByRole('navigation', { name: 'Integrations' }).getByRole('link', { name: 'Authorization Profiles' }).click()
  await expect(page.getByRole('heading', { name: 'Authorization Profiles', level: 1 })).toBeVisible()
  await expectGood(page)
  await page.getByRole('link', { name: 'Create Authorization Profile' }).click()
  await expect(page.getByRole('heading', { name: 'New Authorization Mechanism' })).toBeVisible()
  await expect(field(page, 'Authorization Type').locator('option')).toHaveText(['Select…', 'OAuth V2', 'OAuth V2 Client Credentials'])
  await field(page, 'Authorization Type').selectOption({ label: 'OAuth V2 Client Credentials' })
  await expect(field(page, 'Authorization URL')).toHaveCount(0)
  await field(page, 'Authorization Type').selectOption({ label: 'OAuth V2' })
  await expect(field(page, 'Authorization URL')).toBeVisible()
  await expectGood(page)
  await outside.start(await field(page, 'Callback URL').inputValue())
  await field(page, 'Identity Provider Name').fill('Orders')
  await field(page, 'Client ID').fill('gatehouse')
  await field(page, 'Client Secret').fill('outbound-secret-of-the-journey')
  await field(page, 'Authorization URL').fill(`${outside.url}/auth`)
  await page.getByLabel(/^No, this workflow/).check()
  await field(page, 'Token request URL').fill(`${outside.url}/token`)
  await field(page, 'Scope').fill('openid offline_access orders:read')
  await page.getByLabel('Field Type 1').selectOption({ label: 'Header' })
  await page.getByLabel('Field Key of the request 1').fill('X-Org')
  await page.getByLabel('Field Value of the request 1').fill('org-1')
  // a form that is shown again says what is wrong and keeps what was typed
  await field(page, 'Token request URL').fill('http://orders.example/token')
  await page.getByRole('button', { name: 'Save new Auth' }).click()
  await expect(page.getByRole('alert')).toContainText('must begin with https://')
  await expectGood(page)
  await field(page, 'Token request URL').fill(`${outside.url}/token`)
  await page.getByRole('button', { name: 'Test', exact: true }).click()
  await expect(page.getByText('The provider knows our client')).toBeVisible()
  await expectGood(page)
  await page.getByRole('button', { name: 'Save new Auth' }).click()
  await expect(done(page, 'Orders was saved.')).toBeVisible()
  await expect(page.getByRole('cell', { name: 'Not Configured' })).toBeVisible()
  await expectGood(page)
  const [profile] = (await (await apiOf(owner)).get('/api/v1/auth-profiles')).data
  expect(profile).toMatchObject({ status: 'not_configured', hasClientSecret: true })
  id = profile.id
})

test('a person consents in the browser, and requests carry the token', async ({ page, outside, apiOf }) => {
  await signIn(page, owner)
  await page.goto(`${PAGE}/${id}`)
  await expectGood(page)
  await page.getByRole('button', { name: 'Authorize for the workspace' }).click()
  await outside.consent(page, 'ada')
  await expect(done(page, 'Orders is authorized.')).toBeVisible()
  await expect(page.getByText('Configured', { exact: true })).toBeVisible()
  await expectGood(page)
  const api = await apiOf(owner)
  const echo = async () => {
    const answer = await api.post(`/api/v1/auth-profiles/${id}/request`, { method: 'GET', url: `${outside.url}/echo` })
    expect(answer, JSON.stringify(answer)).toMatchObject({ status: 200 })
    return JSON.parse(answer.body)
  }
  const first = await echo()
  expect(first).toMatchObject({ account: 'ada', org: 'org-1' })
  // the access token ends after four seconds; another one comes by itself, twice over a rotating refresh token
  for (let past = first.token, n = 0; n < 2; n++) {
    await page.waitForTimeout(4_500)
    const next = await echo()
    expect(next.token).not.toBe(past)
    past = next.token
  }
})

test('a consent that is taken back is told, and given again', async ({ page, outside, apiOf }) => {
  await outside.forget()
  const api = await apiOf(owner)
  const request = { method: 'GET', url: `${outside.url}/echo` }
  const refused = await api.send('POST', `/api/v1/auth-profiles/${id}/request`, request)
  expect(refused.status).toBe(409)
  const mails = (await api.get('/api/v1/outbox')).data
  expect(mails.filter((mail: { subject: string }) => mail.subject === 'Orders must be authorized again')).toHaveLength(1)
  await signIn(page, owner)
  await page.goto(PAGE)
  await expect(page.getByText('invalid_grant').first()).toBeVisible()
  await expectGood(page)
  await page.getByRole('link', { name: 'Orders', exact: true }).click()
  await expect(page.getByText('Needs re-authorization')).toBeVisible()
  await expectGood(page)
  await page.getByRole('button', { name: 'Authorize for the workspace' }).click()
  await outside.consent(page, 'ada')
  await expect(done(page, 'Orders is authorized.')).toBeVisible()
  expect(await api.post(`/api/v1/auth-profiles/${id}/request`, request)).toMatchObject({ status: 200 })
})

test('a profile is deleted after a question', async ({ page }) => {
  await signIn(page, owner)
  await page.goto(`${PAGE}/${id}`)
  await page.getByRole('link', { name: 'Delete this profile' }).click()
  await expect(page.getByText('It cannot be recovered.')).toBeVisible()
  await expectGood(page)
  await page.getByRole('button', { name: 'Delete' }).click()
  await expect(done(page, 'The authorization profile was deleted.')).toBeVisible()
  await expect(page.getByText('No authorization profiles yet')).toBeVisible()
})
