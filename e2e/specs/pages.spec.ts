import AxeBuilder from '@axe-core/playwright'
import type { Page } from '@playwright/test'
import { join } from 'node:path'
import { expect, test } from '../fixtures'
import { repository } from '../support/process'

const pages = {
  login: '/login',
  home: '/',
  'single-sign-on': '/settings/security/sso',
  'single-sign-on-form': '/settings/security/sso?tab=enable',
  'single-sign-on-keys': '/settings/security/sso/keys',
  'single-sign-on-metadata': '/settings/security/sso/metadata',
  provisioning: '/settings/security/scim',
  'provisioning-activities': '/settings/security/scim/activities',
  flows: '/flows',
  'flow-new': '/flows/new',
  'flow-import': '/flows/import',
  'flow-executions': '/flows/executions',
  'flow-waiting': '/flows/waiting',
  'flow-statistics': '/flows/statistics',
  scripts: '/scripts',
  'script-import': '/scripts/new',
  webhooks: '/settings/security/webhooks',
  'api-scopes': '/settings/security/api-scopes',
  'api-app': '/settings/security/api-scopes/new',
  why: '/settings/security/why',
  people: '/settings/people',
  account: '/account',
  audit: '/settings/audit',
  'forgotten-password': '/reset',
}
const widths = [1280, 390]
const schemes = ['light', 'dark'] as const

for (const [name, path] of Object.entries(pages)) {
  for (const width of widths) {
    for (const colorScheme of schemes) {
      test.describe(() => {
        test.use({ viewport: { width, height: width === 390 ? 844 : 800 }, colorScheme })

        test(`${name} at ${width} px, ${colorScheme}`, async ({ page, ownerPage, context }) => {
          if (path === '/login') await context.clearCookies()
          const complaints = complaintsOf(page)
          await ownerPage.goto(path)
          await expect(page).toHaveURL((url) => url.pathname + url.search === path)
          await expect(page.getByRole('main')).toBeVisible()
          await expectFitsWidth(page)
          await shoot(page, `${name}-${width}-${colorScheme}`)
          await expectAccessible(page)
          expect(complaints).toEqual([])
        })
      })
    }
  }
}

test('a page that does not exist is an accessible page too', async ({ ownerPage: page }) => {
  const answer = await page.goto('/no-such-page')
  expect(answer?.status()).toBe(404)
  await expectAccessible(page)
})

/** What the browser's console shows as an error: a breach of the content security policy, a failed load, a thrown error. */
function complaintsOf(page: Page): string[] {
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  return complaints
}

async function expectFitsWidth(page: Page): Promise<void> {
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth])
  expect(content, 'the page scrolls sideways').toBeLessThanOrEqual(window!)
}

async function expectAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze()
  expect(violations.map(({ id, help, nodes }) => ({ id, help, where: nodes.map((node) => node.html) }))).toEqual([])
}

/** The pictures of the documentation are taken only on demand. */
async function shoot(page: Page, name: string): Promise<void> {
  if (process.env.UPDATE_SCREENSHOTS !== '1') return
  await page.screenshot({ path: join(repository, 'docs/screenshots', `${name}.png`), fullPage: true, animations: 'disabled' })
}
