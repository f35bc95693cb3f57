import type { Page } from '@playwright/test'
import { join } from 'node:path'
import { expect, test } from '../fixtures'
import { expectGood } from '../support/looks'
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

for (const [name, path] of Object.entries(pages)) {
  test(`${name}, in each width and scheme`, async ({ ownerPage: page, context }) => {
    if (path === '/login') await context.clearCookies()
    const complaints = complaintsOf(page)
    await page.goto(path)
    await expect(page).toHaveURL((url) => url.pathname + url.search === path)
    await expect(page.getByRole('main')).toBeVisible()
    await expectGood(page, (look) => shoot(page, `${name}-${look}`))
    expect(complaints).toEqual([])
  })
}

test('a page that does not exist is an accessible page too', async ({ ownerPage: page }) => {
  const answer = await page.goto('/no-such-page')
  expect(answer?.status()).toBe(404)
  await expectGood(page)
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

/** The pictures of the documentation are taken only on demand. */
async function shoot(page: Page, name: string): Promise<void> {
  if (process.env.UPDATE_SCREENSHOTS !== '1') return
  await page.screenshot({ path: join(repository, 'docs/screenshots', `${name}.png`), fullPage: true, animations: 'disabled' })
}
