// The second step after the password, set up on the way in where a workspace demands it.
import AxeBuilder from '@axe-core/playwright'
import type { Page } from '@playwright/test'
import { createHmac } from 'node:crypto'
import { expect, test } from '../fixtures'
import { field, offerPassword, whoAmI } from '../support/console'

/** RFC 6238, as an authenticator app computes it. */
function code(secret: string, at: number): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const bits = [...secret].map((c) => alphabet.indexOf(c).toString(2).padStart(5, '0')).join('')
  const key = Buffer.from(bits.match(/.{8}/g)!.map((byte) => parseInt(byte, 2)))
  const step = Buffer.alloc(8)
  step.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)))
  const tag = createHmac('sha1', key).update(step).digest()
  const word = tag.readUInt32BE(tag[19]! & 15) & 0x7fffffff
  return String(word % 1_000_000).padStart(6, '0')
}

/** Looks at a page in every width and scheme, without loading it anew. */
async function expectGood(page: Page): Promise<void> {
  for (const width of [1280, 390]) {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.setViewportSize({ width, height: 844 })
      await page.emulateMedia({ colorScheme })
      // the scheme changes under the page: its colours are judged when they have settled
      await page.waitForTimeout(400)
      const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth])
      expect(content, 'the page scrolls sideways').toBeLessThanOrEqual(window!)
      const { violations } = await new AxeBuilder({ page }).analyze()
      const found = violations.map(({ id, help, nodes }) => ({ id, help, where: nodes.map((node) => node.html) }))
      expect(found, `${page.url()} ${width} ${colorScheme}`).toEqual([])
    }
  }
  await page.setViewportSize({ width: 1280, height: 800 })
}

test('whoever has none sets one up on the way in', async ({ gatehouse, ownerPage, owner, browser }) => {
  test.setTimeout(120_000)
  const begun = await (await ownerPage.request.post('/api/v1/me/factors/totp', { headers: await csrf(ownerPage) })).json()
  const confirmed = await ownerPage.request.post('/api/v1/me/factors/totp/confirm', {
    data: { code: code(begun.secret, Date.now()) },
    headers: await csrf(ownerPage),
  })
  expect(confirmed.status(), await confirmed.text()).toBe(200)
  const on = await ownerPage.request.put('/api/v1/security-settings', { data: { requireSecondStep: true }, headers: await csrf(ownerPage) })
  expect(on.status(), await on.text()).toBe(200)
  const [email, password] = [`member-${Date.now()}@company.test`, 'a long enough password']
  const args = ['admin', 'add-member', '--workspace', owner.workspace, '--email', email, '--role', 'member', '--password-stdin']
  await gatehouse.command(args, `${password}\n`)

  const page = await (await browser.newContext({ baseURL: gatehouse.url })).newPage()
  await offerPassword(page, email, password)
  await expect(page.getByRole('heading', { name: 'Set up a second step' })).toBeVisible()
  await expectGood(page)
  const secret = await page.getByLabel('Secret', { exact: true }).inputValue()
  await field(page, 'Code').fill(code(secret, Date.now()))
  await page.getByRole('button', { name: 'Confirm and sign in' }).click()
  await expect(page.getByRole('heading', { name: 'Your recovery codes' })).toBeVisible()
  await page.getByRole('link', { name: 'I have kept them' }).click()
  expect((await whoAmI(page))?.user.email).toBe(email)
  await page.context().close()

  const reset = await gatehouse.command(['admin', 'reset-factors', '--workspace', owner.workspace, '--email', email])
  expect(JSON.parse(reset)).toEqual({ factorsRemoved: 1 })
})

/** The proof that a call with the console's cookie comes from the console. */
async function csrf(page: Page): Promise<Record<string, string>> {
  if (!page.url().includes('/account')) await page.goto('/account')
  return { 'x-csrf-token': (await page.locator('meta[name=csrf-token]').getAttribute('content'))! }
}
