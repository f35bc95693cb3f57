import { expect, test } from '../fixtures'
import { field, offerPassword, signIn, signOut, whoAmI } from '../support/console'

test('a person signs in and out', async ({ page, owner, context }) => {
  await signIn(page, owner)
  await expect(page.getByRole('heading').first()).toBeVisible()
  expect((await whoAmI(page))?.user.email).toBe(owner.email)

  const cookies = await context.cookies()
  expect(cookies.length).toBeGreaterThan(0)
  for (const cookie of cookies) expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Lax' })

  await signOut(page, owner)
  expect(await whoAmI(page)).toBeNull()

  // The session itself has ended, not only the browser's memory of it.
  await context.addCookies(cookies)
  expect(await whoAmI(page)).toBeNull()
})

test('a wrong password and an unknown person get the same answer', async ({ page, owner }) => {
  const answerTo = async (email: string) => {
    await offerPassword(page, email, 'not the password')
    await expect(field(page, 'Password')).toHaveAttribute('aria-invalid', 'true')
    return { url: page.url(), text: (await page.locator('body').innerText()).replaceAll(email, 'EMAIL') }
  }
  const wrong = await answerTo(owner.email)
  await expect(field(page, 'Password')).toHaveAccessibleDescription(/./)
  expect(await answerTo(owner.email.replace('owner', 'nobody'))).toEqual(wrong)
  expect(await whoAmI(page)).toBeNull()
})

test('a page that needs a person sends nobody to the sign-in page', async ({ page }) => {
  for (const path of ['/', '/settings', '/settings/security/sso', '/account']) {
    await page.goto(path)
    await expect(page).toHaveURL(/\/login/)
  }
})

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false })

  test('a person signs in, reads the settings and signs out', async ({ page, owner }) => {
    await signIn(page, owner)
    await page.goto('/settings/security/sso')
    await expect(page.getByRole('heading', { name: /single sign.?on/i }).first()).toBeVisible()
    await signOut(page, owner)
    expect(await whoAmI(page)).toBeNull()
  })
})
