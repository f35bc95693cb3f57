// Accounts at Google and Microsoft, with an independent provider in the place of Google: npm `oidc-provider`.
import { test as base, expect } from '../fixtures'
import { done, offerPassword, signIn, signOut, whoAmI } from '../support/console'
import { databaseKind } from '../support/database'
import { Gatehouse, type Owner } from '../support/gatehouse'
import { expectGood } from '../support/looks'
import { OpenIdProvider } from '../support/openid-provider'

const test = base.extend<object, { op: OpenIdProvider }>({
  op: [
    async ({}, use) => {
      const provider = await OpenIdProvider.prepare()
      await use(provider)
      await provider.stop()
    },
    { scope: 'worker', timeout: 60_000 },
  ],
  gatehouse: [
    async ({ dns, host, op }, use) => {
      const gatehouse = await Gatehouse.start(databaseKind(), dns.address, host, {
        GATEHOUSE_SIGN_UP: 'open',
        GATEHOUSE_GOOGLE_CLIENT_ID: 'gatehouse',
        GATEHOUSE_GOOGLE_CLIENT_SECRET: 'gatehouse-secret-of-the-journey',
        GATEHOUSE_GOOGLE_ISSUER: op.url,
      })
      await op.start({
        redirectUri: `${gatehouse.url}/oidc/callback`,
        postLogoutRedirectUri: `${gatehouse.url}/login`,
        backchannelLogoutUri: `${gatehouse.url}/login`,
      })
      await use(gatehouse)
      await gatehouse.stop()
    },
    { scope: 'worker', timeout: 60_000 },
  ],
})

test.describe.configure({ mode: 'serial' })

let owner: Owner

test('the pages of signing in and up offer what the operator has', async ({ page }) => {
  test.setTimeout(60_000)
  await page.goto('/login')
  await expect(page.getByRole('link', { name: 'Continue with Google' })).toBeVisible()
  await expect(page.getByText('Continue with Microsoft')).toHaveCount(0)
  await expectGood(page)
  await page.goto('/sign-up')
  await page.getByText('Sign up with Google instead').click()
  await expect(page.getByRole('button', { name: 'Continue with Google' })).toBeVisible()
  await expectGood(page)
})

test('an account that is linked to nobody opens nothing', async ({ page, op }) => {
  await page.goto('/login')
  await page.getByRole('link', { name: 'Continue with Google' }).click()
  await op.signIn(page, 'alice')
  await expect(page.getByText('This Google account does not sign you in.')).toBeVisible()
  expect(await whoAmI(page)).toBeNull()
})

test('a person links an account, signs in with it and unlinks it', async ({ page, gatehouse, op }) => {
  test.setTimeout(90_000)
  owner = await gatehouse.createOwner('Social', 'owner@social.test')
  await signIn(page, owner)
  await page.goto('/settings/security/sign-in')
  await page.getByLabel('Default sign-in').selectOption({ label: 'Google' })
  await page.getByRole('button', { name: 'Save', exact: true }).click()
  await expect(done(page, 'The rule is saved.')).toBeVisible()
  await expectGood(page)
  await page.goto('/account')
  await page.getByRole('button', { name: 'Link a Google account' }).click()
  await op.signIn(page, 'alice')
  await expect(done(page, 'Your Google account is linked')).toBeVisible()
  await expect(page.getByRole('link', { name: 'Unlink Google' })).toBeVisible()
  await expectGood(page)

  await signOut(page, owner)
  await page.goto('/login?returnTo=%2Faccount')
  await page.getByRole('link', { name: 'Continue with Google' }).click()
  // the provider knows the browser by now
  await expect(page).toHaveURL(`${gatehouse.url}/account`)
  expect(await whoAmI(page)).toMatchObject({ user: { email: owner.email }, role: 'owner' })

  await page.getByRole('link', { name: 'Unlink Google' }).click()
  await expectGood(page)
  await page.getByRole('button', { name: 'Unlink', exact: true }).click()
  await expect(done(page, 'Your Google account is unlinked.')).toBeVisible()
  await signOut(page, owner)
  await page.goto('/login/with/google')
  await expect(page.getByText('This Google account does not sign you in.')).toBeVisible()
  await offerPassword(page, owner.email, owner.password)
  expect(await whoAmI(page)).toMatchObject({ user: { email: owner.email } })
})
