// The second step after the password: set up on the account page, asked for at the next sign-in, demanded by a workspace.
import type { Page } from '@playwright/test'
import { createHmac } from 'node:crypto'
import { expect, test } from '../fixtures'
import { done, field, offerPassword, whoAmI } from '../support/console'
import { expectGood } from '../support/looks'

// browsers have passkeys at a name, not at an address
test.use({ host: 'localhost' })

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

test('an authenticator app is set up, asked for and demanded', async ({ ownerPage: page, owner, context }) => {
  test.setTimeout(300_000)
  const complaints: string[] = []
  page.on('console', (message) => message.type() === 'error' && !/40[01]/.test(message.text()) && complaints.push(message.text()))

  await page.goto('/account')
  await page.getByRole('link', { name: 'Manage second steps' }).click()
  await expectGood(page)
  await page.getByRole('button', { name: 'Set up an authenticator app' }).click()
  const secret = await page.getByLabel('Secret', { exact: true }).inputValue()
  const picture = page.getByRole('img', { name: /QR code/ })
  expect(await picture.evaluate((image: HTMLImageElement) => image.naturalWidth), 'the picture is shown').toBeGreaterThan(100)
  await expectGood(page)
  await field(page, 'Code').fill('000000')
  await page.getByRole('button', { name: 'Confirm' }).click()
  await expect(page.getByText('This code is not right')).toBeVisible()
  await field(page, 'Code').fill(code(secret, Date.now()))
  await page.getByRole('button', { name: 'Confirm' }).click()
  await expect(page.getByRole('heading', { name: 'Your recovery codes' })).toBeVisible()
  const paper = await page.getByRole('listitem').filter({ hasText: /^\w{4}(-\w{4}){3}$/ }).allTextContents()
  expect(paper).toHaveLength(10)
  await expectGood(page)
  await page.getByRole('link', { name: 'I have kept them' }).click()
  await expect(page.getByRole('cell', { name: 'Authenticator app' }).first()).toBeVisible()
  await expectGood(page)

  await page.goto('/settings/security/sign-in')
  await expectGood(page)
  await page.getByLabel('Demand a second step after the password').check()
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(done(page, 'The rule is saved.')).toBeVisible()

  await context.clearCookies()
  await offerPassword(page, owner.email, owner.password)
  await expect(page).toHaveURL(/\/sign-in\/second-step/)
  expect(await whoAmI(page)).toBeNull()
  await expectGood(page)
  await field(page, 'Code').fill('000000')
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await expect(page.getByText('Try again')).toBeVisible()
  await page.getByText('Use a recovery code').click()
  await field(page, 'Recovery code').fill(paper[0]!)
  await page.getByRole('button', { name: 'Sign in with the recovery code' }).click()
  await expect(page).toHaveURL((url) => url.pathname === '/')
  expect((await whoAmI(page))?.user.email).toBe(owner.email)

  // the step after the one that was used for setting up
  await context.clearCookies()
  await offerPassword(page, owner.email, owner.password)
  await field(page, 'Code').fill(code(secret, Date.now() + 30_000))
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await expect(page).toHaveURL((url) => url.pathname === '/')

  await page.goto('/account/confirm')
  await expectGood(page)
  await field(page, 'Password').fill(owner.password)
  await page.getByRole('button', { name: 'Confirm', exact: true }).click()
  await expect(done(page, 'Thank you')).toBeVisible()
  await page.getByRole('link', { name: /^Take away/ }).click()
  await expectGood(page)
  await page.getByRole('button', { name: 'Take away' }).click()
  await expect(page.getByText(/demands a second step/)).toBeVisible()
  expect(complaints).toEqual([])
})

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

test('a passkey is set up, asked for, and proves who sits there', async ({ gatehouse, ownerPage: page, owner, context, browser }) => {
  test.setTimeout(300_000)
  const complaints: string[] = []
  page.on('console', (message) => message.type() === 'error' && !/40[01]/.test(message.text()) && complaints.push(message.text()))
  const devtools = await context.newCDPSession(page)
  await devtools.send('WebAuthn.enable')
  const options = { protocol: 'ctap2', transport: 'usb', hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } as const
  const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', { options })

  await page.goto('/account/second-step')
  await expectGood(page)
  await page.getByRole('button', { name: 'Set up a passkey' }).click()
  await expectGood(page)
  await field(page, 'Name').fill('Blue key')
  await page.getByRole('button', { name: 'Create the passkey' }).click()
  await expect(page.getByRole('heading', { name: 'Your recovery codes' })).toBeVisible()
  const paper = await page.getByRole('listitem').filter({ hasText: /^\w{4}(-\w{4}){3}$/ }).allTextContents()
  expect(paper).toHaveLength(10)
  await page.getByRole('link', { name: 'I have kept them' }).click()
  await expect(page.getByRole('cell', { name: 'Blue key' }).first()).toBeVisible()
  await expectGood(page)
  expect((await devtools.send('WebAuthn.getCredentials', { authenticatorId })).credentials).toHaveLength(1)

  // the same authenticator once more
  await page.getByRole('button', { name: 'Set up a passkey' }).click()
  await field(page, 'Name').fill('Again')
  await page.getByRole('button', { name: 'Create the passkey' }).click()
  await expect(page.getByRole('alert').filter({ hasText: 'holds a passkey of your account already' })).toBeVisible()
  await expectGood(page)
  await page.getByRole('link', { name: 'Cancel' }).click()

  await page.getByRole('link', { name: 'Rename Blue key' }).click()
  await expectGood(page)
  await field(page, 'Name').fill('Red key')
  await page.getByRole('button', { name: 'Rename' }).click()
  await expect(done(page, 'The second step is renamed.')).toBeVisible()
  await expect(page.getByRole('cell', { name: 'Red key' }).first()).toBeVisible()

  for (let round = 0; round < 2; round++) {
    await context.clearCookies()
    await offerPassword(page, owner.email, owner.password)
    await expect(page).toHaveURL(/\/sign-in\/second-step/)
    expect(await whoAmI(page)).toBeNull()
    if (round === 0) await expectGood(page)
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
    await expect(page).toHaveURL((url) => url.pathname === '/')
    expect((await whoAmI(page))?.user.email).toBe(owner.email)
  }
  const [key] = (await devtools.send('WebAuthn.getCredentials', { authenticatorId })).credentials
  expect(key?.signCount, 'made once, used twice').toBeGreaterThanOrEqual(2)

  await page.goto('/account/confirm')
  await expectGood(page)
  await page.getByRole('button', { name: 'Confirm with a passkey' }).click()
  await expect(done(page, 'Thank you')).toBeVisible()

  // an answer that the server does not take
  await devtools.send('WebAuthn.setResponseOverrideBits', { authenticatorId, isBogusSignature: true })
  await page.goto('/account/confirm')
  await page.getByRole('button', { name: 'Confirm with a passkey' }).click()
  await expect(page.getByRole('alert').filter({ hasText: 'Try again' })).toBeVisible()
  await expectGood(page)
  expect(complaints).toEqual([])

  // browsers without passkeys, and without scripts: the codes on paper work
  const bare = await browser.newContext({ baseURL: gatehouse.url })
  await bare.addInitScript(() => Reflect.deleteProperty(window, 'PublicKeyCredential'))
  const plain = await browser.newContext({ baseURL: gatehouse.url, javaScriptEnabled: false })
  for (const [number, [words, context]] of ([['This browser has no passkeys', bare], ['Passkeys need JavaScript', plain]] as const).entries()) {
    const page = await context.newPage()
    await offerPassword(page, owner.email, owner.password)
    await expect(page.getByText(words)).toBeVisible()
    await expect(page.getByRole('button', { name: 'Sign in with a passkey' })).toBeHidden()
    await page.getByText('Use a recovery code').click()
    await field(page, 'Recovery code').fill(paper[number]!)
    await page.getByRole('button', { name: 'Sign in with the recovery code' }).click()
    await expect(page).toHaveURL((url) => url.pathname === '/')
    await context.close()
  }
})

/** The proof that a call with the console's cookie comes from the console. */
async function csrf(page: Page): Promise<Record<string, string>> {
  if (!page.url().includes('/account')) await page.goto('/account')
  return { 'x-csrf-token': (await page.locator('meta[name=csrf-token]').getAttribute('content'))! }
}
