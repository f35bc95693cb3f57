// What a person does in the console, by the labels she reads.
import { type Locator, type Page, expect } from '@playwright/test'
import type { Owner } from './gatehouse'

/** A field by its visible label; the word that marks a mandatory one is not part of it. */
export function field(page: Page, label: string): Locator {
  const text = label.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return page.getByLabel(new RegExp(`^\\s*${text}(\\s+required)?\\s*$`))
}

/** The message that says what was just done. */
export function done(page: Page, text: string | RegExp): Locator {
  return page.getByRole('status').filter({ hasText: text })
}

/** The sign-in page asks for the e-mail first, then for the password. */
export async function offerPassword(page: Page, email: string, password: string): Promise<void> {
  await page.goto('/login')
  await nameYourself(page, email)
  await givePassword(page, password)
}

export async function nameYourself(page: Page, email: string): Promise<void> {
  await page.getByLabel(/^E-mail address/).fill(email)
  await page.getByRole('button', { name: 'Continue', exact: true }).click()
}

export async function givePassword(page: Page, password: string): Promise<void> {
  await field(page, 'Password').fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
}

export async function signIn(page: Page, { email, password }: Owner): Promise<void> {
  await offerPassword(page, email, password)
  await expect(page).not.toHaveURL(/\/login/)
}

/** The way out is in the menu that bears the person's workspace. */
export async function signOut(page: Page, { workspace }: Owner): Promise<void> {
  await page.getByRole('banner').getByText(workspace).first().click()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await expect(page).toHaveURL(/\/login/)
}

/** Who the browser's cookie says it is; null for nobody. */
export async function whoAmI(page: Page): Promise<{ user: { email: string }; role: string } | null> {
  const answer = await page.request.get('/api/v1/me')
  if (answer.status() === 401) return null
  expect(answer.status()).toBe(200)
  return await answer.json()
}
