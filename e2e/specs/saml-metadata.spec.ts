// A connection that is made from the provider's metadata, on the pages alone; requests by post; our key rolled meanwhile.
import AxeBuilder from '@axe-core/playwright'
import { type Page, type Request } from '@playwright/test'
import { expect, test } from '../fixtures'
import type { Api } from '../support/api'
import { done, field, whoAmI } from '../support/console'
import type { DnsServer } from '../support/dns'

const PAGE = '/settings/security/sso'
const widths = [1280, 390]

test.afterEach(({ idp }) =>
  idp.configure({ encrypt: false, rolled: false, signResponse: true, signAssertion: true, requireSignedRequests: false }),
)

test('metadata makes the connection, requests go by post, and our key rolls while people sign in', async ({
  ownerPage: page,
  owner,
  apiOf,
  idp,
  dns,
  gatehouse,
  browser,
}) => {
  test.setTimeout(300_000)
  const api = await apiOf(owner)

  await test.step('the address is read, and what it would change is shown first', async () => {
    await page.goto(`${PAGE}?tab=enable`)
    await page.getByRole('link', { name: 'Import the values from it' }).click()
    await field(page, 'Metadata address').fill(`${idp.url}/saml2/idp/metadata.php`)
    await page.getByRole('button', { name: 'Show what it changes' }).click()
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('What the metadata changes')
    await expect(page.getByRole('table', { name: 'Values' })).toContainText(idp.entityId)
    await expect(page.getByRole('table', { name: 'Certificates' }).getByText('new')).toHaveCount(1)
    await expectGood(page)
    expect((await api.get('/api/v1/sso/connections')).data).toEqual([])
    await page.getByRole('button', { name: 'Take over' }).click()
    await expect(done(page, 'SSO updated')).toBeVisible()
  })
  const { connectionId: id } = await api.get('/api/v1/sso/settings')
  const path = `/api/v1/sso/connections/${id}`
  expect((await api.get(path)).samlConfig).toMatchObject({ entityId: idp.entityId, ssoUrl: idp.ssoUrl })

  /** A person signs in, in a browser of her own; what was asked of the provider. */
  const signIn = async (): Promise<Request> => {
    const context = await browser.newContext({ baseURL: gatehouse.url })
    const person = await context.newPage()
    const asked = person.waitForRequest((request) => request.url().startsWith(idp.ssoUrl))
    await person.goto(`/sso/${id}/start?returnTo=/account`)
    await idp.signIn(person, 'alice')
    await expect(person).toHaveURL(`${gatehouse.url}/account`)
    expect(await whoAmI(person)).toMatchObject({ user: { email: 'alice@example.test' } })
    await expect(person.getByRole('table', { name: 'How providers know you' })).toContainText('Single Sign On')
    const request = await asked
    await context.close()
    return request
  }
  const readOurs = async () => {
    const ours = await (await page.request.get(`/saml/metadata/${id}`)).text()
    idp.importMetadata(ours, [`${gatehouse.url}/saml/acs/${id}`, `${gatehouse.url}/saml/acs/${id}/idp`])
  }

  await test.step('with the domain proved, people sign in', async () => {
    await prove(api, dns, path)
    await page.goto(PAGE)
    await page.getByLabel('Make an account at the first sign-in').check()
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await expect(done(page, 'SSO updated')).toBeVisible()
    expect((await api.get(path)).status).toBe('active')
    await readOurs()
    expect((await signIn()).method()).toBe('GET')
  })

  await test.step('the provider rolls its key, and a refresh knows it', async () => {
    idp.configure({ rolled: true })
    await page.goto(`${PAGE}/metadata`)
    await page.getByRole('button', { name: 'Refresh now' }).click()
    await expect(done(page, 'fetched and taken over')).toBeVisible()
    await expectGood(page)
    await signIn()
  })

  await test.step('requests travel in a form, signed', async () => {
    await page.goto(PAGE)
    await page.getByText('Advanced', { exact: true }).click()
    await field(page, 'Requests travel').selectOption('post')
    await page.getByLabel('Sign requests').check()
    await expectGood(page)
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await expect(done(page, 'SSO updated')).toBeVisible()
    idp.configure({ requireSignedRequests: true, encrypt: true })
    const request = await signIn()
    expect(request.method()).toBe('POST')
    expect(request.postData()).toContain('SAMLRequest=')
  })

  await test.step('our key rolls: next, in force, retired', async () => {
    await page.goto(PAGE)
    await page.getByRole('link', { name: 'Our keys' }).click()
    await page.getByRole('button', { name: 'New key' }).click()
    await expect(done(page, 'The next key is in the metadata')).toBeVisible()
    await expectGood(page)
    await signIn()
    await readOurs()
    await signIn()

    await step(page, 'Put in force')
    await expect(done(page, 'The key is in force')).toBeVisible()
    await expect(page.getByText('An overlap is going on')).toBeVisible()
    await expectGood(page)
    // the provider has not read the metadata since, and encrypts for the key before
    await signIn()
    await expect.poll(() => openedWith(api, path)).toContain('previous key')
    await readOurs()
    await signIn()
    expect(await openedWith(api, path)).toBe('')

    await step(page, 'Retire')
    await expect(done(page, 'The key is retired')).toBeVisible()
    await signIn()
    const keys = (await api.get('/api/v1/sso/sp-keys')).data
    expect(keys.map((key: { state: string; shared: boolean }) => [key.state, key.shared])).toEqual([['current', false]])
  })

  // its domain is free for the next journey
  await api.delete(path)
})

test('a file with the document fills the field', async ({ ownerPage: page, idp }) => {
  const xml = await (await page.request.get(`${idp.url}/saml2/idp/metadata.php`)).text()
  await page.goto(`${PAGE}/metadata`)
  await field(page, 'Or a file with it').setInputFiles({ name: 'idp.xml', mimeType: 'application/xml', buffer: Buffer.from(xml) })
  await expect(field(page, 'Or the document itself')).toHaveValue(/EntityDescriptor/)
  await page.getByRole('button', { name: 'Show what it changes' }).click()
  await expect(page.getByRole('table', { name: 'Values' })).toContainText(idp.entityId)
  await page.getByRole('button', { name: 'Take over' }).click()
  await expect(done(page, 'SSO updated')).toBeVisible()
  await expect(field(page, 'Issuer url')).toHaveValue(idp.entityId)
})

/** Takes a step with a key, through its question. */
async function step(page: Page, label: string): Promise<void> {
  await page.locator('confirm-dialog > a').filter({ hasText: label }).click()
  await page.getByRole('dialog').getByRole('button', { name: label }).click()
}

/** What the last sign-in says of the key that opened its assertion; empty for the one in force. */
async function openedWith(api: Api, path: string): Promise<string> {
  const [{ checks }] = (await api.get(`${path}/attempts?pageSize=1`)).data
  return checks.find((c: { check: string }) => c.check === 'decryption key')?.detail ?? ''
}

async function prove(api: Api, dns: DnsServer, path: string): Promise<void> {
  const { domain, dnsRecord } = await api.post(`${path}/domains`, { domain: 'example.test', verificationMethod: 'dns-txt' })
  await dns.setTxt({ [dnsRecord.name]: dnsRecord.value })
  expect(await api.put(`${path}/domains/${domain.id}/verify`)).toMatchObject({ success: true })
}

/** At both widths the page fits and is accessible. */
async function expectGood(page: Page): Promise<void> {
  const before = page.viewportSize()!
  for (const width of widths) {
    await page.setViewportSize({ width, height: 844 })
    const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth])
    expect(content, `the page scrolls sideways at ${width} px`).toBeLessThanOrEqual(window!)
    const { violations } = await new AxeBuilder({ page }).analyze()
    expect(violations.map(({ id, help, nodes }) => ({ id, help, where: nodes.map((node) => node.html) }))).toEqual([])
  }
  await page.setViewportSize(before)
}
