// Settings > Audit log, as an administrator reads it.
import type { Page } from '@playwright/test'
import { readFile } from 'node:fs/promises'
import { expect, test } from '../fixtures'
import { expectGood } from '../support/looks'

const table = (page: Page) => page.getByRole('region', { name: 'Audit log' })

test('the log is reached by the menu and filtered by is and is not', async ({ ownerPage: page }) => {
  await page.goto('/settings')
  await page.getByRole('link', { name: 'Audit log' }).click()
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Audit log')
  for (const column of ['Event Name', 'Category', 'User Name', 'Date and Time', 'Description', 'IP'])
    await expect(page.getByRole('columnheader', { name: column, exact: true })).toBeVisible()
  const all = await table(page).getByRole('row').count()

  await page.getByLabel('Category name').fill('session')
  await page.getByRole('button', { name: 'Apply filters' }).click()
  await expect(table(page).getByRole('row').nth(1)).toContainText('Session')
  const sessions = await table(page).getByRole('row').count()
  expect(sessions).toBeLessThan(all)

  await page.getByLabel('Category', { exact: true }).selectOption('is not')
  await page.getByRole('button', { name: 'Apply filters' }).click()
  await expect(table(page).getByRole('row')).toHaveCount(all - sessions + 1)

  await page.getByLabel('Event name').fill('never.happened')
  await page.getByRole('button', { name: 'Apply filters' }).click()
  await expect(page.getByRole('heading', { name: 'No entry matches' })).toBeVisible()
  await page.getByRole('link', { name: 'Clear filters' }).first().click()
  await expect(table(page).getByRole('row')).toHaveCount(all)
})

test('a wrong date is told beside its field', async ({ ownerPage: page }) => {
  await page.goto('/settings/audit?startDate=yesterday')
  await expect(page.getByLabel('From')).toHaveAttribute('aria-invalid', 'true')
})

test('what is shown is downloaded as CSV and as JSON Lines', async ({ ownerPage: page }) => {
  await page.goto('/settings/audit?category=session')
  for (const [name, file, first] of [
    ['Download CSV', 'audit-events.csv', 'Sequence,Date and Time,Event Name'],
    ['Download JSON Lines', 'audit-events.jsonl', '{"chain":'],
  ] as const) {
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name }).click()])
    expect(download.suggestedFilename()).toBe(file)
    const text = await readFile(await download.path(), 'utf8')
    expect(text.startsWith(first)).toBe(true)
    expect(text).not.toContain('workspace.created')
  }
})

test('an entry tells all it holds, in each width and scheme', async ({ ownerPage: page }) => {
  await page.goto('/settings/audit?event=session.started')
  await table(page).getByRole('link').first().click()
  await expect(page.getByRole('heading', { name: 'Place in the chain' })).toBeVisible()
  await expect(page.getByText('session.started', { exact: true })).toBeVisible()
  await expectGood(page)
})
