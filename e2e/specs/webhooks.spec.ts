// How an administrator tells a program of the company's of what happens, with the program itself at the other end.
import type { Page } from '@playwright/test'
import { expect, test as base } from '../fixtures'
import { done, field } from '../support/console'
import { expectGood } from '../support/looks'
import { Receiver, isSigned } from '../support/receiver'

const test = base.extend<{ receiver: Receiver }>({
  receiver: async ({}, use) => {
    const receiver = await Receiver.start()
    await use(receiver)
    await receiver.stop()
  },
})

const kind = (page: Page, n: number) => page.getByLabel(`Kind of events ${n}`, { exact: true })

test('a webhook is made, tried, read and rolled', async ({ ownerPage: page, receiver, owner }) => {
  test.setTimeout(420_000)
  await page.goto('/settings')
  await page.getByRole('navigation', { name: 'Settings' }).getByRole('link', { name: 'Webhooks' }).click()
  await expect(page.getByRole('heading', { name: 'No webhooks yet' })).toBeVisible()
  await expectGood(page)

  // what is wrong is said at its field
  await field(page, 'Address').fill('http://hooks.example')
  await kind(page, 1).fill('user.*')
  await page.getByRole('button', { name: 'Make a webhook' }).click()
  await expect(page.locator('#url-error')).toContainText('https://')
  await expectGood(page)

  await field(page, 'Address').fill(receiver.url)
  await page.getByRole('button', { name: 'Add another' }).click()
  await kind(page, 2).fill('invitation.*')
  await field(page, 'What it is for').fill('The wiki')
  await page.getByRole('button', { name: 'Make a webhook' }).click()
  await expect(page.getByText('The webhook is made')).toBeVisible()
  const secret = await field(page, 'Secret').inputValue()
  expect(secret).toMatch(/^whsec_/)
  await expectGood(page)
  await page.getByRole('link', { name: 'Open it, and send a test event' }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'The wiki' })).toBeVisible()
  await expect(page.getByText(secret)).toHaveCount(0)

  await page.getByRole('button', { name: 'Send a test event' }).click()
  await expect(done(page, 'your program answered 200')).toBeVisible()
  const tried = await receiver.next('webhook.test')
  expect(isSigned(tried, secret)).toBe(true)
  await expectGood(page)

  // what happens arrives, and is followed in the log without a reload
  const own = page.url()
  await page.getByRole('link', { name: 'Follow live' }).click()
  receiver.status = 503
  const invited = `guest@${owner.email.split('@')[1]}`
  const other = await page.context().newPage()
  await other.goto('/settings/people')
  await field(other, 'E-mail address').fill(invited)
  await other.getByRole('button', { name: 'Send invitation' }).click()
  await expect(other.getByRole('cell', { name: invited }).first()).toBeVisible()
  await other.close()
  const first = await receiver.next('invitation.created')
  expect(isSigned(first, secret)).toBe(true)
  const row = page.getByRole('row').filter({ hasText: 'invitation.created' })
  await expect(row).toContainText('503', { timeout: 20_000 })
  await expect(row).toContainText('Waiting')
  await expectGood(page)
  receiver.status = 200
  await page.getByRole('link', { name: 'Stop following' }).click()

  // its payload, and once more by hand
  await page.getByRole('row').filter({ hasText: 'invitation.created' }).first().getByRole('link').click()
  await expect(page.getByRole('region', { name: 'Payload' })).toContainText(invited)
  await expectGood(page)
  await page.getByRole('button', { name: 'Redeliver' }).click()
  await expect(done(page, 'your program answered 200')).toBeVisible()
  expect((await receiver.next('invitation.created')).id).toBe(first.id)

  // a new secret signs beside the one before
  await page.goto(own)
  await page.getByRole('button', { name: 'New secret' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Make a new secret' }).click()
  await expect(page.getByText('The new secret is made')).toBeVisible()
  const next = await field(page, 'Secret').inputValue()
  await expectGood(page)
  await page.goto(own)
  await page.getByRole('button', { name: 'Send a test event' }).click()
  const both = await receiver.next('webhook.test')
  expect([isSigned(both, secret), isSigned(both, next)]).toEqual([true, true])

  // off, on, gone
  await page.getByRole('button', { name: 'Switch off' }).first().click()
  await page.getByRole('dialog').getByRole('button', { name: 'Switch off' }).click()
  await expect(done(page, 'The webhook is off')).toBeVisible()
  await page.getByRole('button', { name: 'Switch on' }).click()
  await expect(done(page, 'The webhook is on')).toBeVisible()
  await page.goto('/settings/security/webhooks')
  await expect(page.getByRole('row').filter({ hasText: 'The wiki' })).toContainText('On')
  await expectGood(page)
  await page.getByRole('link', { name: /127\.0\.0\.1/ }).click()
  await page.getByRole('button', { name: 'Delete' }).first().click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await expect(done(page, 'The webhook was deleted')).toBeVisible()
  await expect(page.getByRole('heading', { name: 'No webhooks yet' })).toBeVisible()
})

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false })

  test('the same forms do it', async ({ ownerPage: page, receiver }) => {
    await page.goto('/settings/security/webhooks')
    await field(page, 'Address').fill(receiver.url)
    await kind(page, 1).fill('*')
    await page.getByRole('button', { name: 'Make a webhook' }).click()
    await page.getByRole('link', { name: 'Open it, and send a test event' }).click()
    await page.getByRole('button', { name: 'Send a test event' }).click()
    await receiver.next('webhook.test')
    await page.getByRole('button', { name: 'Redeliver' }).first().click()
    await receiver.next('webhook.test')
    await page.getByRole('link', { name: 'Delete' }).click()
    await page.getByRole('button', { name: 'Delete' }).click()
    await expect(page.getByRole('heading', { name: 'No webhooks yet' })).toBeVisible()
  })
})
