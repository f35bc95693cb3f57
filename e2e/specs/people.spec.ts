// How people come in, come back and keep others out: by links in mails, which a mail server of the journey takes.
import type { Browser, Page } from '@playwright/test'
import { expect, test as base } from '../fixtures'
import { done, field, givePassword, nameYourself, offerPassword, whoAmI } from '../support/console'
import { databaseKind } from '../support/database'
import { Gatehouse } from '../support/gatehouse'
import { expectGood } from '../support/looks'
import { MailServer } from '../support/mail'

const test = base.extend<object, { mails: MailServer }>({
  mails: [
    async ({}, use) => {
      const mails = await MailServer.start()
      await use(mails)
      await mails.stop()
    },
    { scope: 'worker' },
  ],
  // a server that sends mail and lets strangers sign up
  gatehouse: [
    async ({ dns, mails }, use) => {
      const settings = { GATEHOUSE_SMTP_URL: mails.url, GATEHOUSE_SIGN_UP: 'open' }
      const gatehouse = await Gatehouse.start(databaseKind(), dns.address, '127.0.0.1', settings)
      await use(gatehouse)
      await gatehouse.stop()
    },
    { scope: 'worker', timeout: 60_000 },
  ],
})

const [FIRST, SECOND] = ['seven quiet elephants', 'eleven patient herons']

/** A browser of somebody else's, with no cookie and a name of its own. */
async function another(browser: Browser, baseURL: string, userAgent?: string): Promise<Page> {
  return await (await browser.newContext({ baseURL, ...(userAgent ? { userAgent } : {}) })).newPage()
}

test('somebody who is invited joins', async ({ ownerPage, browser, gatehouse, mails, owner }) => {
  test.setTimeout(180_000)
  const email = `invited@${owner.email.split('@')[1]}`
  await ownerPage.goto('/settings/people')
  await expectGood(ownerPage)
  await field(ownerPage, 'E-mail address').fill(email)
  await ownerPage.getByRole('button', { name: 'Send invitation' }).click()
  await expect(ownerPage.getByRole('cell', { name: email }).first()).toBeVisible()

  const page = await another(browser, gatehouse.url)
  const link = await mails.link(email, `You are invited to ${owner.workspace}`)
  await page.goto(link)
  await expectGood(page)
  await field(page, 'Your name').fill('Ada Byron')
  await field(page, 'Password').fill('password1')
  await page.getByRole('button', { name: 'Join' }).click()
  await expect(page.locator('#password-error')).toBeVisible()
  await expectGood(page)
  await field(page, 'Password').fill(FIRST)
  await page.getByRole('button', { name: 'Join' }).click()
  await expect(done(page, 'Your account is ready')).toBeVisible()
  await nameYourself(page, email)
  await givePassword(page, FIRST)
  await expect(page).toHaveURL((url) => url.pathname === '/')
  expect((await whoAmI(page))?.user.email).toBe(email)
  await page.goto(link)
  await expect(page.getByRole('heading', { name: 'This invitation does not count any more' })).toBeVisible()
  await expectGood(page)
  await page.context().close()
})

test('a forgotten password is set anew by mail', async ({ ownerPage, browser, gatehouse, mails, owner }) => {
  test.setTimeout(180_000)
  const page = await another(browser, gatehouse.url)
  await page.goto('/login')
  await nameYourself(page, owner.email)
  await page.getByRole('link', { name: 'Forgot your password?' }).click()
  await expectGood(page)
  await field(page, 'E-mail address').fill(owner.email)
  await page.getByRole('button', { name: 'Send the link' }).click()
  await expect(page.getByRole('heading', { name: 'Look into your mail' })).toBeVisible()
  await expectGood(page)
  const link = await mails.link(owner.email, 'Set a new password')
  await page.goto(link)
  await expectGood(page)
  await field(page, 'New password').fill(SECOND)
  await page.getByRole('button', { name: 'Set password' }).click()
  await expect(done(page, 'Your password was set')).toBeVisible()
  expect(await whoAmI(ownerPage), 'every session ended').toBeNull()
  await nameYourself(page, owner.email)
  await givePassword(page, SECOND)
  await expect(page).toHaveURL((url) => url.pathname === '/')
  await page.goto(link)
  await expect(page.getByRole('heading', { name: 'This link does not count any more' })).toBeVisible()
  await expectGood(page)
  await mails.to(owner.email, 'Your password was changed')
  await page.context().close()
})

test('a stranger signs up by mail, and once more for a further workspace', async ({ page, mails, owner }) => {
  test.setTimeout(240_000)
  const email = `founder@${owner.email.split('@')[1]}`
  const name = `Founded ${Date.now()}`
  await page.goto('/login')
  await expectGood(page)
  await page.getByRole('link', { name: 'Create a workspace' }).click()
  await expectGood(page)
  const ask = async (workspace: string) => {
    await page.goto('/sign-up')
    await field(page, "Your company's name").fill(workspace)
    await field(page, 'E-mail address').fill(email)
    await expect(page.getByRole('radio', { name: 'E-mail address and password' })).toBeChecked()
    await page.getByRole('button', { name: 'Send the link' }).click()
    await expect(page.getByRole('heading', { name: 'Look into your mail' })).toBeVisible()
  }
  // a name that is taken is told at the link alone
  await ask(owner.workspace)
  await expectGood(page)
  const link = await mails.link(email, 'Finish signing up')
  await page.goto(link)
  await expectGood(page)
  await field(page, 'Your name').fill('Grace Founder')
  await field(page, 'Password').fill(FIRST)
  await page.getByRole('button', { name: 'Create the workspace' }).click()
  await expect(page.locator('#workspaceName-error')).toContainText('exists')
  await expectGood(page)
  await field(page, "Your company's name").fill(name)
  await field(page, 'Password').fill(FIRST)
  await page.getByRole('button', { name: 'Create the workspace' }).click()
  await expect(done(page, name)).toBeVisible()
  await nameYourself(page, email)
  await givePassword(page, FIRST)
  await expect(page).toHaveURL((url) => url.pathname === '/')
  expect(await whoAmI(page)).toMatchObject({ user: { email }, role: 'owner' })
  await page.goto(link)
  await expect(page.getByRole('heading', { name: 'This link does not count any more' })).toBeVisible()
  await expectGood(page)

  await ask(`${name}, further`)
  await page.goto(await mails.link(email, 'You have an account already'))
  await expectGood(page)
  await page.getByRole('button', { name: 'Create the workspace' }).click()
  await expect(done(page, 'is yours')).toBeVisible()
  await expect(page).toHaveURL((url) => url.pathname === '/account')
})

test('a sign-in by somebody else is reported, and only its owner comes back', async ({ ownerPage: page, browser, gatehouse, mails, owner }) => {
  test.setTimeout(240_000)
  // the owner's own browser, known by its cookie from here on
  await offerPassword(page, owner.email, owner.password)
  await expect(page).toHaveURL((url) => url.pathname === '/')
  const thief = await another(browser, gatehouse.url, 'Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/141.0')
  await offerPassword(thief, owner.email, owner.password)
  await expect(thief).toHaveURL((url) => url.pathname === '/')

  const { text } = await mails.to(owner.email, 'New sign-in to your account')
  expect(text).toContain('With: Firefox on Windows')
  const link = await mails.link(owner.email, 'New sign-in to your account')
  await page.goto(link)
  await expectGood(page)
  expect(await whoAmI(thief), 'looking does nothing').not.toBeNull()
  await page.getByRole('button', { name: 'It was not me' }).click()
  await expect(done(page, 'All sessions were ended')).toBeVisible()
  expect(await whoAmI(thief)).toBeNull()
  await offerPassword(thief, owner.email, owner.password)
  await expect(thief.locator('#password-error')).toBeVisible()
  await page.goto(link)
  await expect(page.getByRole('heading', { name: 'This link does not count any more' })).toBeVisible()
  await expectGood(page)

  await page.goto(await mails.link(owner.email, 'Set a new password'))
  await field(page, 'New password').fill(SECOND)
  await page.getByRole('button', { name: 'Set password' }).click()
  await offerPassword(page, owner.email, SECOND)
  await expect(page).toHaveURL((url) => url.pathname === '/')
  await page.goto('/settings/audit')
  await expect(page.getByText('Reported').first()).toBeVisible()
  await thief.context().close()
})

test('one ends one’s own other sessions', async ({ ownerPage: page, browser, gatehouse, owner }) => {
  test.setTimeout(180_000)
  const [phone, tablet] = [await another(browser, gatehouse.url), await another(browser, gatehouse.url)]
  for (const device of [phone, tablet]) {
    await offerPassword(device, owner.email, owner.password)
    await expect(device).toHaveURL((url) => url.pathname === '/')
  }
  await page.goto('/account')
  await expectGood(page)
  const ends = page.getByRole('button', { name: /^End the session/ })
  const before = await ends.count()
  await ends.first().click()
  await expect(page.getByRole('status').first()).toBeVisible()
  await expect(ends).toHaveCount(before - 1)
  const left = [await whoAmI(phone), await whoAmI(tablet)].filter((who) => who !== null)
  expect(left, 'one of the two ended').toHaveLength(1)
  await page.getByRole('button', { name: 'End all others' }).click()
  await expect(page.getByRole('status').first()).toBeVisible()
  expect([await whoAmI(phone), await whoAmI(tablet)]).toEqual([null, null])
  expect((await whoAmI(page))?.user.email).toBe(owner.email)
  for (const device of [phone, tablet]) await device.context().close()
})
