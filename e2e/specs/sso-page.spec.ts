// Settings > Security & Control > Single Sign On, as an administrator of a company uses it; the labels are part of the contract.
import type { Page } from '@playwright/test'
import { expect, test } from '../fixtures'
import { done, field, signIn } from '../support/console'

const SSO_URL = 'https://company.example/app/sso/saml'
const ISSUER = 'https://company.example/issuer'

const labels = {
  Okta: ['Okta single sign-on url', 'Identity provider issuer', 'Certificate'],
  OneLogin: ['SAML 2.0 endpoint', 'Issuer url', 'X.509 certificate'],
  Other: ['Single sign-on url', 'Issuer url', 'Certificate'],
} as const

const acsLabels = ['ACS url for SP initiated SAML flow', 'ACS url for IDP initiated SAML flow'] as const

const protocol = (page: Page) => field(page, 'Sign-on protocol')
const provider = (page: Page) => field(page, 'SSO provider')
const certificates = (page: Page) => page.getByRole('textbox', { name: /certificate/i })
const addCertificate = (page: Page) => page.getByRole('button', { name: '+ Add new' })
const body = (pem: string) => pem.replace(/-----[A-Z ]+-----/g, '').trim()

/** Opens the set-up form of a workspace that has no single sign-on yet. */
async function openForm(page: Page): Promise<void> {
  await page.goto('/settings/security/sso')
  await page.getByRole('main').getByRole('link', { name: 'Enable SSO' }).last().click()
}

async function save(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Save', exact: true }).click()
}

async function setUpOkta(page: Page, certificate: string): Promise<void> {
  await openForm(page)
  await field(page, 'Okta single sign-on url').fill(SSO_URL)
  await field(page, 'Identity provider issuer').fill(ISSUER)
  await certificates(page).first().fill(certificate)
  await save(page)
  await expect(done(page, 'SSO updated')).toBeVisible()
}

test('the way to the page is Settings, Security & Control, Single Sign On', async ({ page, owner }) => {
  await signIn(page, owner)
  await page.getByRole('link', { name: 'Settings', exact: true }).click()
  await expect(page).toHaveURL(/\/settings/)
  await expect(page.getByText('Security & Control').first()).toBeVisible()
  await page.getByRole('link', { name: 'Single Sign On', exact: true }).click()
  await expect(page).toHaveURL(/\/settings\/security\/sso$/)
})

test('SAML and Okta are preselected, and each provider has its own labels', async ({ ownerPage: page }) => {
  await openForm(page)
  await expect(protocol(page).locator('option:checked')).toHaveText('SAML')
  await expect(provider(page).locator('option:checked')).toHaveText('Okta')
  expect((await provider(page).locator('option').allInnerTexts()).slice(0, 3)).toEqual(['Okta', 'OneLogin', 'Other'])

  for (const [name, expected] of Object.entries(labels)) {
    await provider(page).selectOption({ label: name })
    for (const label of [...expected, ...acsLabels]) {
      const text = page.locator('label, legend').filter({ hasText: new RegExp(`^\\s*${label}(\\s+required)?\\s*$`), visible: true })
      await expect(text, `${name}: ${label}`).toHaveCount(1)
    }
  }
})

test('saving says so, shows when it was enabled, and stores what was typed', async ({ ownerPage: page, owner, idp, apiOf }) => {
  await setUpOkta(page, body(idp.certificate))

  const api = await apiOf(owner)
  const { enabled, enabledAt, connectionId } = await api.get('/api/v1/sso/settings')
  expect(enabled).toBe(true)
  const shown = await page.getByRole('main').locator('time').first().getAttribute('datetime')
  expect(Math.floor(Date.parse(shown!) / 1000)).toBe(Math.floor(Date.parse(enabledAt) / 1000))

  const connection = await api.get(`/api/v1/sso/connections/${connectionId}`)
  expect(connection).toMatchObject({ protocol: 'saml', provider: 'okta', samlConfig: { ssoUrl: SSO_URL, entityId: ISSUER } })

  await page.reload()
  await expect(field(page, 'Okta single sign-on url')).toHaveValue(SSO_URL)
  await expect(field(page, 'Identity provider issuer')).toHaveValue(ISSUER)
  await expect(page.getByRole('main').locator('time').first()).toHaveAttribute('datetime', shown!)
})

test('a field left out or wrong is said beside it and nothing is stored', async ({ ownerPage: page, owner, apiOf }) => {
  await openForm(page)
  await field(page, 'Okta single sign-on url').fill(SSO_URL)
  await field(page, 'Identity provider issuer').fill(ISSUER)
  await certificates(page).first().fill('not a certificate')
  await save(page)
  await expect(certificates(page).first()).toHaveAttribute('aria-invalid', 'true')
  await expect(certificates(page).first()).toHaveAccessibleDescription(/certificate/i)
  await expect(field(page, 'Okta single sign-on url')).toHaveValue(SSO_URL)
  expect((await (await apiOf(owner)).get('/api/v1/sso/settings')).enabled).toBe(false)
})

test('two certificates at most, and one can be taken away', async ({ ownerPage: page, owner, idp, apiOf }) => {
  await openForm(page)
  await field(page, 'Okta single sign-on url').fill(SSO_URL)
  await field(page, 'Identity provider issuer').fill(ISSUER)
  await expect(certificates(page)).toHaveCount(1)
  await addCertificate(page).click()
  await expect(certificates(page)).toHaveCount(2)
  await certificates(page).nth(0).fill(idp.certificate)
  await certificates(page).nth(1).fill(body(idp.nextCertificate))
  await expect(addCertificate(page).and(page.locator(':enabled:visible'))).toHaveCount(0)
  await save(page)
  await expect(done(page, 'SSO updated')).toBeVisible()

  const api = await apiOf(owner)
  const path = `/api/v1/sso/connections/${(await api.get('/api/v1/sso/settings')).connectionId}`
  const stored = async () => (await api.get(path)).samlConfig.certificateDetails.length
  expect(await stored()).toBe(2)
  await expect(addCertificate(page).and(page.locator(':enabled:visible'))).toHaveCount(0)
  const third = await api.send('PUT', path, { samlConfig: { certificates: [idp.certificate, idp.nextCertificate, idp.certificate] } })
  expect(third.status).toBe(400)

  const remove = page.getByRole('button', { name: /^(delete|remove)/i }).first()
  await remove.click()
  await page.getByRole('dialog').getByRole('button', { name: /cancel/i }).click()
  expect(await stored()).toBe(2)
  await remove.click()
  await page.getByRole('dialog').getByRole('button', { name: /^(yes|delete|remove)/i }).click()
  await expect.poll(stored).toBe(1)
})

test('both ACS urls are on this host, differ, and can be copied', async ({ ownerPage: page, owner, idp, context, gatehouse, apiOf }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await setUpOkta(page, idp.certificate)
  const { connectionId, acsUrlSpInitiated, acsUrlIdpInitiated } = await (await apiOf(owner)).get('/api/v1/sso/settings')
  expect(acsUrlIdpInitiated).toBe(`${gatehouse.url}/saml/acs/${connectionId}/idp`)
  expect(acsUrlSpInitiated.startsWith(`${gatehouse.url}/saml/acs`)).toBe(true)
  expect(acsUrlSpInitiated).not.toBe(acsUrlIdpInitiated)

  for (const [label, url] of [[acsLabels[0], acsUrlSpInitiated], [acsLabels[1], acsUrlIdpInitiated]]) {
    await expect(field(page, label)).toHaveValue(url)
    await page.getByRole('button', { name: `Copy ${label}` }).click()
    await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe(url)
  }
})

test('disabling asks first, stops single sign-on and keeps the values for viewing', async ({ ownerPage: page, owner, idp, apiOf }) => {
  await setUpOkta(page, idp.certificate)
  const api = await apiOf(owner)
  const settings = () => api.get('/api/v1/sso/settings')

  await page.getByRole('navigation').getByRole('link', { name: 'Disable SSO' }).click()
  const disable = page.locator('confirm-dialog > a, confirm-dialog > button').filter({ hasText: /disable/i })
  await disable.click()
  await page.getByRole('dialog').getByRole('button', { name: /^(no|cancel)$/i }).click()
  expect((await settings()).enabled).toBe(true)
  await disable.click()
  await page.getByRole('dialog').getByRole('button', { name: 'Yes', exact: true }).click()
  await expect(done(page, /disabled/i)).toBeVisible()

  const { enabled, connectionId } = await settings()
  expect(enabled).toBe(false)
  const start = await page.request.get(`/sso/${connectionId}/start`, { maxRedirects: 0 })
  expect(start.status()).toBeGreaterThanOrEqual(400)

  await page.goto('/settings/security/sso')
  await page.getByRole('navigation').getByRole('link', { name: 'Enable SSO' }).click()
  await expect(field(page, 'Okta single sign-on url')).toHaveValue(SSO_URL)
  await expect(field(page, 'Identity provider issuer')).toHaveValue(ISSUER)
})
