// A setup link: the provider's administrator, who has no account, finishes the connection; and changes that would lock somebody out.
import AxeBuilder from '@axe-core/playwright'
import { type Page } from '@playwright/test'
import { expect, test } from '../fixtures'
import { done, field, whoAmI } from '../support/console'

const PAGE = '/settings/security/sso'
const widths = [1280, 390]

test.afterEach(({ idp }) => idp.configure({ encrypt: false, rolled: false, signResponse: true, signAssertion: true }))

test('a stranger with a link connects SimpleSAMLphp, and the lights turn green', async ({
  ownerPage: page,
  owner,
  apiOf,
  idp,
  dns,
  gatehouse,
  browser,
}) => {
  test.setTimeout(180_000)
  const api = await apiOf(owner)
  await page.goto(PAGE)
  await page.getByRole('link', { name: 'Setup links' }).click()
  await expectGood(page)
  await field(page, 'Name of the new connection').fill('Company login')
  await page.getByLabel('Make an account at the first sign-in').check()
  await page.getByRole('button', { name: 'Make a link' }).click()
  const url = await field(page, 'Setup link').inputValue()
  expect(url).toMatch(new RegExp(`^${gatehouse.url}/setup/[A-Za-z0-9_-]{43}$`))
  await expectGood(page)

  const outside = await browser.newContext({ baseURL: gatehouse.url })
  const visitor = await outside.newPage()
  const lights = visitor.locator('#lights li').getByText('Done', { exact: true })
  await visitor.goto(url)
  await expect(visitor.getByRole('heading', { level: 1 })).toHaveText('Set up single sign-on')
  await expect(lights).toHaveCount(0)
  await expectGood(visitor)
  await visitor.getByRole('link', { name: 'Keycloak' }).click()
  await expect(visitor.getByText('protocol/saml/descriptor')).toBeVisible()

  await field(visitor, "Address of your provider's metadata").fill(idp.entityId)
  await visitor.getByRole('button', { name: 'Save the values' }).click()
  await expect(done(visitor, 'The values are saved')).toBeVisible()
  await expect(lights).toHaveCount(1)

  await field(visitor, 'Domain').fill('example.test')
  await visitor.getByRole('button', { name: 'Add the domain' }).click()
  const name = await field(visitor, 'TXT record name').inputValue()
  await dns.setTxt({ [name]: await field(visitor, 'TXT record value').inputValue() })
  await visitor.getByRole('button', { name: 'Verify example.test' }).click()
  await expect(done(visitor, 'is verified')).toBeVisible()
  await visitor.getByRole('button', { name: 'Test the configuration' }).click()
  await expect(done(visitor, 'in order')).toBeVisible()
  await visitor.getByRole('button', { name: 'Switch it on' }).click()
  await expect(done(visitor, 'It is on')).toBeVisible()
  await expect(lights).toHaveCount(4)
  await expectGood(visitor)

  const connections = await api.get('/api/v1/sso/connections')
  const connection = connections.data[0]
  expect(connection).toMatchObject({ name: 'Company login', status: 'active', samlConfig: { entityId: idp.entityId } })
  idp.importMetadata(await (await page.request.get(`/saml/metadata/${connection.id}`)).text(), [
    `${gatehouse.url}/saml/acs/${connection.id}`,
  ])
  await visitor.getByRole('link', { name: 'Sign in through your provider' }).click()
  await idp.signIn(visitor, 'alice')
  await expect(visitor).toHaveURL(`${gatehouse.url}/`)
  expect(await whoAmI(visitor)).toMatchObject({ user: { email: 'alice@example.test' } })
  await visitor.goto(url)
  await expect(lights).toHaveCount(6)

  await page.goto(`${PAGE}/setup-links`)
  await page.getByRole('table', { name: 'Setup links' }).locator('confirm-dialog > a').click()
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
  await expect(done(page, 'revoked')).toBeVisible()
  expect((await visitor.goto(url))?.status()).toBe(404)
  await outside.close()

  await test.step('a change on the page that would lock her out waits for a tick', async () => {
    await api.put('/api/v1/sso/settings', { connectionId: connection.id })
    await api.put(`/api/v1/sso/connections/${connection.id}`, { samlConfig: { metadataUrl: '' } })
    await page.goto(PAGE)
    await page.getByRole('textbox', { name: /certificate/i }).first().fill(idp.nextCertificate)
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Changes that wait')
    await expect(page.getByText('Locked out', { exact: true })).toBeVisible()
    await expect(page.getByRole('table', { name: 'People by their last sign-in' })).toContainText('alice@example.test')
    await expectGood(page)
    expect((await api.get(`/api/v1/sso/connections/${connection.id}`)).samlConfig.certificateDetails).toHaveLength(1)
    await page.getByRole('button', { name: 'Put the changes in use' }).click()
    await expect(page.getByText('Tick the box')).toBeVisible()
    await page.getByLabel('Lock these people out').check()
    await page.getByRole('button', { name: 'Put the changes in use' }).click()
    await expect(done(page, 'SSO updated')).toBeVisible()
  })
  // its domain is free for the next journey
  await api.delete(`/api/v1/sso/connections/${connection.id}`)
})

/** At both widths: nothing runs over the edge, and axe has nothing to say. */
async function expectGood(page: Page): Promise<void> {
  const before = page.viewportSize()!
  for (const width of widths) {
    await page.setViewportSize({ width, height: 844 })
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
    const { violations } = await new AxeBuilder({ page }).analyze()
    expect(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`)).toEqual([])
  }
  await page.setViewportSize(before)
}
