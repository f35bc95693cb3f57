// Sign-in attempts: the list, one attempt, and the page that somebody without an account is sent.
import AxeBuilder from '@axe-core/playwright'
import type { Page } from '@playwright/test'
import { expect, test } from '../fixtures'
import type { Api } from '../support/api'
import type { IdentityProvider } from '../support/idp'
import { done, field } from '../support/console'

const LIST = '/settings/security/sso/attempts'
const widths = [1280, 390]
const schemes = ['light', 'dark'] as const

test('an attempt is found by the number that the person was shown, and shared with somebody signed out', async ({
  ownerPage: page,
  owner,
  apiOf,
  idp,
  gatehouse,
  browser,
}) => {
  const api = await apiOf(owner)
  const { id, decision } = await refused(api, idp, page)

  await page.goto('/settings/security/sso')
  await page.getByRole('link', { name: 'Sign-in attempts', exact: true }).click()
  await expect(page).toHaveURL(new RegExp(`${LIST}$`))
  await field(page, 'E-mail, subject or decision number').fill(decision)
  await page.getByRole('button', { name: 'Search' }).click()
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Sign-in attempt')
  await expect(page.getByText('What to do:')).toBeVisible()
  await expect(page.getByRole('list', { name: 'Checks in their order' }).getByText('Failed')).toHaveCount(1)

  await page.getByRole('button', { name: 'Create link' }).click()
  const url = await field(page, 'Link to this attempt').inputValue()
  expect(url).toMatch(new RegExp(`^${gatehouse.url}/trace/[A-Za-z0-9_-]{43}$`))

  const outside = await browser.newContext()
  const visitor = await outside.newPage()
  await visitor.goto(url)
  await expect(visitor.getByRole('heading', { level: 1 })).toHaveText('A sign-in, check by check')
  await expect(visitor.getByText('What to do:')).toBeVisible()
  expect(await outside.cookies()).toEqual([])
  await expectAccessible(visitor)

  await page.goto(`${LIST}/${id}`)
  await page.getByRole('table', { name: 'Links to this attempt' }).locator('confirm-dialog > a').click()
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
  await expect(done(page, 'revoked')).toBeVisible()
  const gone = await visitor.goto(url)
  expect(gone?.status()).toBe(404)
  await expectAccessible(visitor)
  await outside.close()
})

test('an empty list and one where nothing fits say what to do', async ({ ownerPage: page, owner, apiOf, idp }) => {
  await page.goto(LIST)
  await expect(page.getByRole('heading', { name: 'No attempts yet' })).toBeVisible()
  await expectAccessible(page)
  await refused(await apiOf(owner), idp, page)
  await page.goto(`${LIST}?search=nobody`)
  await expect(page.getByRole('heading', { name: 'No attempt found' })).toBeVisible()
  await expectAccessible(page)
})

test('a list that is followed shows a new attempt by itself', async ({ ownerPage: page, owner, apiOf, idp, context }) => {
  await page.goto(LIST)
  await page.getByRole('link', { name: 'Follow live' }).click()
  await expect(page.getByRole('link', { name: 'Stop following' })).toBeVisible()
  const other = await context.newPage()
  await refused(await apiOf(owner), idp, other)
  await expect(page.getByText('not_base64')).toBeVisible({ timeout: 15_000 })
})

for (const width of widths) {
  for (const colorScheme of schemes) {
    test.describe(() => {
      test.use({ viewport: { width, height: width === 390 ? 844 : 800 }, colorScheme })

      test(`list, attempt and shared page at ${width} px, ${colorScheme}`, async ({ ownerPage: page, owner, apiOf, idp, browser }) => {
        const complaints: string[] = []
        page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
        const api = await apiOf(owner)
        const { path, id } = await judged(api, idp, page)
        const { url } = await api.post(`${path}/attempts/${id}/share`, { expiresInDays: 1 })
        complaints.length = 0
        for (const address of [LIST, `${LIST}?live=1`, `${LIST}/${id}`]) {
          await page.goto(address)
          await expect(page.getByRole('main')).toBeVisible()
          await expectFitsWidth(page)
          await expectAccessible(page)
        }
        const message = page.getByLabel('The message')
        await message.focus()
        await expect(message).toBeFocused()
        await expect(message).toHaveValue(/•••/)
        const outside = await browser.newContext({ viewport: page.viewportSize(), colorScheme })
        const visitor = await outside.newPage()
        await visitor.goto(url)
        await expect(visitor.getByLabel('The message')).toHaveValue(/Response/)
        await expectFitsWidth(visitor)
        await expectAccessible(visitor)
        await outside.close()
        expect(complaints).toEqual([])
      })
    })
  }
}

/** The connection of the page, with an attempt that was refused before there was a message. */
async function refused(api: Api, idp: IdentityProvider, page: Page): Promise<{ path: string; id: string; decision: string }> {
  const path = await connection(api, idp)
  return latest(api, path, page, '###')
}

/** The same with an attempt whose message was judged. */
async function judged(api: Api, idp: IdentityProvider, page: Page): Promise<{ path: string; id: string; decision: string }> {
  const path = await connection(api, idp)
  const now = new Date().toISOString()
  const xml =
    `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ` +
    `ID="_r" Version="2.0" IssueInstant="${now}"><saml:Issuer>https://idp.example/a/very/long/address/that/must/break/somewhere</saml:Issuer>` +
    `<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status><saml:Assertion ID="_a" Version="2.0" ` +
    `IssueInstant="${now}"><saml:Issuer>https://idp.example/metadata</saml:Issuer><saml:Subject><saml:NameID>ada</saml:NameID></saml:Subject>` +
    `</saml:Assertion></samlp:Response>`
  return latest(api, path, page, Buffer.from(xml).toString('base64'))
}

async function connection(api: Api, idp: IdentityProvider): Promise<string> {
  const { id } = await api.post('/api/v1/sso/connections', {
    name: 'Traced',
    protocol: 'saml',
    samlConfig: { entityId: 'https://idp.example/metadata', ssoUrl: 'https://idp.example/sso', certificate: idp.certificate },
  })
  await api.put('/api/v1/sso/settings', { connectionId: id })
  const path = `/api/v1/sso/connections/${id}`
  // judged to the end only while it is active, which needs a proved domain; a refusal tells as much
  return path
}

async function latest(api: Api, path: string, page: Page, response: string) {
  const answer = await page.request.post(`/saml/acs/${path.split('/').pop()}/idp`, { form: { SAMLResponse: response }, maxRedirects: 0 })
  expect(answer.status()).toBeGreaterThanOrEqual(400)
  const [attempt] = (await api.get(`${path}/attempts?pageSize=1`)).data
  return { path, id: attempt.id as string, decision: attempt.decision as string }
}

async function expectFitsWidth(page: Page): Promise<void> {
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth])
  expect(content, 'the page scrolls sideways').toBeLessThanOrEqual(window!)
}

async function expectAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze()
  expect(violations.map(({ id, help, nodes }) => ({ id, help, where: nodes.map((node) => node.html) }))).toEqual([])
}
