// The wizard that imports custom scripts, as plain forms.
import type { Page } from '@playwright/test'
import { expect, test } from '../fixtures'
import { field } from '../support/console'

const next = (page: Page) => page.getByRole('button', { name: 'Next', exact: true }).last()
const choose = (page: Page, name: string, buffer: Buffer) =>
  page.getByLabel(/^Project File/).setInputFiles({ name, mimeType: 'application/octet-stream', buffer })

async function sample(page: Page, language: string): Promise<Buffer> {
  const answer = await page.request.get(`/api/v1/scripts/samples/${language}`)
  expect(answer.status()).toBe(200)
  return await answer.body()
}

test('without JavaScript rows come and go by buttons', async ({ owner, browser, gatehouse }) => {
  const context = await browser.newContext({ baseURL: gatehouse.url, javaScriptEnabled: false })
  const page = await context.newPage()
  await page.request.post('/api/v1/auth/login', { data: { email: owner.email, password: owner.password } })
  await page.goto('/scripts/new')
  await field(page, 'Script name').fill('Plain')
  await page.getByLabel(/^Base Language/).selectOption('python')
  await choose(page, 'sample.zip', await sample(page, 'python'))
  await next(page).click()
  await page.getByLabel('Key 1').fill('ONE')
  await page.getByRole('button', { name: '+ Add' }).click()
  await page.getByLabel('Key 2').fill('TWO')
  await page.getByRole('button', { name: 'Delete Key 1' }).click()
  await expect(page.getByLabel('Key 1')).toHaveValue('TWO')
  await page.getByRole('button', { name: 'Next', exact: true }).last().click()
  await page.getByLabel(/^Max Replicas/).fill('3')
  await page.getByRole('button', { name: 'Apply the numbers of replicas' }).click()
  await expect(page.getByLabel('Average Compute Utilization (%)')).toBeEnabled()
  await context.close()
})
