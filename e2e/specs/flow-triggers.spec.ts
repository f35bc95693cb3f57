// What starts flows by itself, and who is exempt from authenticating: pages for administrators.
import type { Page } from '@playwright/test'
import { expect, test } from '../fixtures'
import type { Api } from '../support/api'
import { done, field } from '../support/console'
import { expectGood } from '../support/looks'

async function deployed(api: Api, name: string): Promise<string> {
  const { id } = await api.post('/api/v1/flows', { name })
  await api.post(`/api/v1/flows/${id}/deploy`)
  return id
}

async function toTriggers(page: Page, flow: string): Promise<void> {
  await page.goto(`/flows/${flow}`)
  await page.getByRole('navigation', { name: 'Flow', exact: true }).getByRole('link', { name: 'Triggers' }).click()
  await expect(page.getByText('No triggers yet')).toBeVisible()
  await expectGood(page)
}

test('a webhook is made, called, paused and deleted', async ({ ownerPage: page, owner, apiOf, stranger }) => {
  test.setTimeout(240_000)
  await toTriggers(page, await deployed(await apiOf(owner), 'Hooked'))
  await page.getByRole('link', { name: 'New webhook' }).click()
  await expectGood(page)
  await field(page, 'Name').fill('Orders')
  await page.getByRole('button', { name: 'Create trigger' }).click()
  await expect(page.getByRole('alert')).toContainText('Say in whose name the flow runs.')
  await expectGood(page)
  await page.getByLabel('The company', { exact: true }).check()
  await page.getByRole('button', { name: 'Create trigger' }).click()
  await expect(page.getByText('The webhook is made')).toBeVisible()
  await expectGood(page)
  const address = await page.getByLabel('Address', { exact: true }).inputValue()
  const token = await page.getByLabel('Token', { exact: true }).inputValue()
  const wrong = await stranger.post(address, { headers: { 'x-trigger-token': 'another' } })
  expect(wrong.status()).toBe(401)
  const begun = await stranger.post(address, { headers: { 'x-trigger-token': token }, data: { a: 1 } })
  expect(begun.status(), await begun.text()).toBe(201)

  await page.getByRole('link', { name: 'Back to triggers' }).click()
  await expect(page.getByText(token)).toHaveCount(0)
  await expectGood(page)
  await page.getByRole('link', { name: /started by Orders/ }).click()
  await expect(page.locator('#facts').getByText('Success', { exact: true })).toBeVisible()
  await expect(page.locator('#facts').getByText('the company (by a webhook)')).toBeVisible()
  await page.goBack()

  await page.getByRole('button', { name: 'Pause Orders' }).click()
  await expect(done(page, 'Orders is paused.')).toBeVisible()
  expect((await stranger.post(address, { headers: { 'x-trigger-token': token } })).status()).toBe(409)
  await page.getByRole('button', { name: 'Switch on Orders' }).click()
  await expect(done(page, 'Orders is on.')).toBeVisible()
  await page.getByRole('button', { name: 'Delete…' }).click()
  await expectGood(page)
  await page.getByRole('dialog').getByRole('button', { name: 'Delete trigger' }).click()
  await expect(done(page, 'The trigger was deleted.')).toBeVisible()
})

test('a schedule is made in the name of whoever makes it', async ({ ownerPage: page, owner, apiOf }) => {
  test.setTimeout(180_000)
  await toTriggers(page, await deployed(await apiOf(owner), 'Nightly'))
  await page.getByRole('link', { name: 'New schedule' }).click()
  await expectGood(page)
  await field(page, 'Name').fill('Each morning')
  await page.getByLabel('Myself', { exact: true }).check()
  await page.getByLabel('At a time of the day', { exact: true }).check()
  await field(page, 'Time of the day').fill('6')
  await page.getByLabel('Days', { exact: true }).selectOption({ label: 'Monday to Friday' })
  await page.getByRole('button', { name: 'Create trigger' }).click()
  await expect(page.getByRole('alert')).toContainText('The time must be one like 06:30.')
  await expectGood(page)
  await field(page, 'Time of the day').fill('06:30')
  await page.getByRole('button', { name: 'Create trigger' }).click()
  await expect(done(page, 'Each morning was made.')).toBeVisible()
  await expect(page.getByRole('cell', { name: 'Monday to Friday at 06:30 UTC' })).toBeVisible()
  await expect(page.getByRole('cell', { name: 'never' })).toBeVisible()
  await expectGood(page)
})

test('a person is exempted from user authentications, with a reason', async ({ ownerPage: page }) => {
  await page.goto('/settings/people')
  await page.getByRole('link', { name: /^Authentications/ }).click()
  await expectGood(page)
  await page.getByLabel('Exempt this person from user authentications').check()
  await page.getByRole('button', { name: 'Save changes' }).click()
  await expect(page.getByRole('alert')).toContainText('The reason must be one line')
  await expectGood(page)
  await field(page, 'Reason').fill('The robot of finance.')
  await page.getByRole('button', { name: 'Save changes' }).click()
  await expect(done(page, 'is exempt')).toBeVisible()
  await expectGood(page)
  await page.goto('/account/connections')
  await expect(page.getByText('You are exempt')).toBeVisible()
  await expectGood(page)
})
