// How an administrator connects Icertis, both ways, with a fake Entra ID and a fake ICI outside.
import type { Page } from '@playwright/test'
import { expect, test as base } from '../fixtures'
import { done, field } from '../support/console'
import { Gatehouse } from '../support/gatehouse'
import { databaseKind } from '../support/database'
import { expectGood } from '../support/looks'
import { World } from '../support/world'

const CLIENT = '01234567-89ab-cdef-0123-456789abcdef'

const test = base.extend<object, { outside: World }>({
  outside: [
    async ({}, use) => {
      const outside = await World.start()
      await use(outside)
      await outside.stop()
    },
    { scope: 'worker' },
  ],
  gatehouse: [
    async ({ dns, host, outside }, use) => {
      const gatehouse = await Gatehouse.start(databaseKind(), dns.address, host, outside.settings)
      await use(gatehouse)
      await gatehouse.stop()
    },
    { scope: 'worker', timeout: 60_000 },
  ],
})

async function find(page: Page, words: string): Promise<void> {
  await page.goto('/')
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Integrations' }).click()
  await field(page, 'Search connectors and products').fill(words)
  await page.getByRole('button', { name: 'Search' }).click()
}

test('Icertis is found, connected with OAuth, tested and handed over', async ({ ownerPage: page, outside, gatehouse }) => {
  test.setTimeout(420_000)
  await find(page, 'Icertis')
  await expectGood(page)
  await page.getByRole('link', { name: 'Icertis - Preview' }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'Connect to Icertis - Preview' })).toBeVisible()
  await expect(page.getByRole('link', { name: 'OAuth 2.0 authorization code' })).toHaveAttribute('aria-current', 'page')
  const redirect = await field(page, 'Redirect URI').inputValue()
  expect(redirect).toContain(`${gatehouse.url}/oauth/callback/`)
  await expect(page.getByRole('heading', { name: /Register an application/ })).toBeVisible()
  await expect(page.getByText("the vendor's step")).toBeVisible()
  await expectGood(page)

  // what is blank is said at its field, all at once
  await page.getByRole('button', { name: 'Connect', exact: true }).click()
  await expect(page.getByRole('alert')).toContainText('Icertis instance must be filled in.')
  await expect(page.getByRole('alert')).toContainText('Scope must be filled in.')
  await expectGood(page)

  await field(page, 'Icertis instance').fill('acme')
  await field(page, 'Client ID').fill(CLIENT)
  await field(page, 'Client Secret').fill('a secret of Azure')
  await field(page, 'Tenant ID').fill('tenant-1')
  await field(page, 'Scope').fill(`api://${CLIENT}/.default offline_access`)
  outside.claims = { aud: CLIENT, iss: 'https://sts.windows.net/tenant-1/', oid: 'o' }
  // the consent page of Entra ID sends the browser back at once
  await page.route('https://login.microsoftonline.com/**', async (route) => {
    const asked = new URL(route.request().url())
    const back = `${asked.searchParams.get('redirect_uri')}?code=c&state=${asked.searchParams.get('state')}`
    expect(asked.searchParams.get('redirect_uri')).toBe(redirect)
    await route.fulfill({ status: 302, headers: { location: back } })
  })
  await page.getByRole('button', { name: 'Connect', exact: true }).click()
  await expect(done(page, 'is authorized')).toBeVisible()
  await expect(page.getByRole('heading', { level: 1, name: 'Icertis - Preview' })).toBeVisible()
  await expectGood(page)

  // the test names the setting that does not match
  await page.getByRole('button', { name: 'Test', exact: true }).click()
  await expect(page.getByText('The test failed.')).toBeVisible()
  await expect(page.getByText('Core.API.OAuth.ValidAudiences').first()).toBeVisible()
  await expectGood(page)
  outside.claims = { ...outside.claims, aud: `api://${CLIENT}` }
  await page.getByRole('button', { name: 'Re-authenticate' }).click()
  await expect(done(page, 'is authorized')).toBeVisible()
  await page.getByRole('button', { name: 'Test', exact: true }).click()
  await expect(page.getByText('The test passed.')).toBeVisible()
  await expect(page.getByRole('region', { name: 'What was sent' })).toContainText('Bearer ••••••••')

  // sheets for the Icertis administrator
  const production = page.getByRole('region', { name: 'For the Icertis administrator, Production' })
  await expect(production.getByLabel('Application (client) ID')).toHaveValue(CLIENT)
  await expect(page.getByRole('textbox', { name: 'Keys of tenant.json' })).toHaveValue(/"Core\.API\.OAuth\.ValidIssuer": "https:\/\/sts\.windows\.net\/tenant-1\/"/)

  // the tab of user authentications
  await page.getByRole('navigation', { name: 'Connector', exact: true }).getByRole('link', { name: 'User authentications' }).click()
  await page.getByLabel('Enable user authentications for this connector').check()
  await page.getByLabel('Pause flows and wait for the user to authenticate').check()
  await expectGood(page)
  await page.getByRole('button', { name: 'Save changes' }).click()
  await expect(done(page, 'The changes were saved')).toBeVisible()
  await expect(page.getByLabel('Enable user authentications for this connector')).toBeChecked()

  // and one's own connection
  await page.goto('/account/connections')
  await expectGood(page)
  await page.getByRole('button', { name: /^Connect/ }).click()
  await expect(page.getByText('Connected', { exact: true })).toBeVisible()
})

test('Icertis is connected with an API key, and removed', async ({ ownerPage: page }) => {
  await find(page, 'Icertis')
  await page.getByRole('link', { name: 'Icertis - Preview' }).click()
  await page.getByRole('link', { name: 'API key', exact: true }).click()
  await expect(page.getByText('UserApiToken').first()).toBeVisible()
  await field(page, 'Icertis instance').fill('acme')
  await field(page, 'API key').fill('ici-key')
  await expectGood(page)
  await page.getByRole('button', { name: 'Connect', exact: true }).click()
  await expect(done(page, 'is connected')).toBeVisible()
  await expect(page.getByText('ici-key')).toHaveCount(0)
  await page.getByRole('link', { name: 'User authentications' }).click()
  await expect(page.getByLabel('Enable user authentications for this connector')).toBeDisabled()
  await expectGood(page)
  await page.getByRole('navigation', { name: 'Connector', exact: true }).getByRole('link', { name: 'Connection' }).click()
  await page.getByRole('button', { name: 'Delete' }).first().click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await expect(done(page, 'The connector was deleted')).toBeVisible()
})

test('a connector is built of an OpenAPI document', async ({ ownerPage: page }) => {
  await page.goto('/integrations/connectors')
  await page.getByRole('link', { name: 'Build a connector' }).click()
  await expectGood(page)
  await field(page, 'OpenAPI document').fill(
    'openapi: 3.0.3\ninfo:\n  title: Orders\n  version: "1"\nservers:\n  - url: https://orders.example\npaths:\n  /orders:\n    get:\n      summary: List orders\n      responses:\n        "200":\n          description: ok\n',
  )
  await page.getByRole('button', { name: 'Build the connector' }).click()
  await expect(done(page, 'Orders can be connected to now')).toBeVisible()
  await expect(page.getByRole('cell', { name: 'List orders' })).toBeVisible()
  await expectGood(page)
})
