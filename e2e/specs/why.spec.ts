// Why and who can, as an administrator asks: a refusal by its number, what would be if, and who may do something.
import { expect, test } from '../fixtures'
import { field } from '../support/console'
import { expectGood } from '../support/looks'

test('why it was refused, what if, and who can', async ({ ownerPage: page, owner, apiOf, stranger }) => {
  test.setTimeout(300_000)
  const api = await apiOf(owner)
  const app = await api.post('/api/v1/api-apps', { name: 'Deployer', scopes: ['workflow:deploy'] })
  const { plainValue } = await api.post(`/api/v1/api-apps/${app.id}/keys`, { name: 'CI' })
  const refused = await stranger.get('/authz', { headers: { 'x-api-key': plainValue, 'x-required-scope': 'model:deploy' } })
  expect(refused.status()).toBe(403)
  const { error } = await refused.json()

  await page.goto('/settings')
  await page.getByRole('link', { name: 'Why and who can' }).click()
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Why and who can')
  await expectGood(page)

  // a number that nobody was given, then the one of the refusal
  await field(page, 'Decision number').fill('dec_0198c5f0e8a07c3fa1b2c3d4e5f60718')
  await page.getByRole('button', { name: 'Read why' }).click()
  await expect(page.locator('#decision-error')).toContainText('No decision of this workspace has this number.')
  await expectGood(page)
  await field(page, 'Decision number').fill(error.decision)
  await page.getByRole('button', { name: 'Read why' }).click()
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Why it was refused')
  await expect(page.getByText('The scope model:deploy is needed. The app Deployer has workflow:deploy.')).toBeVisible()
  await expectGood(page)
  await page.getByRole('navigation', { name: 'Breadcrumb' }).getByRole('link', { name: 'Why and who can' }).click()

  // as it is, and as it would be
  await field(page, 'Who').fill('Deployer')
  await field(page, 'Does what').fill('model:deploy')
  await page.getByRole('button', { name: 'Ask what if' }).click()
  await expect(page.getByText('No: Deployer may not do model:deploy.')).toBeVisible()
  await expect(field(page, 'Who')).toHaveValue('Deployer')
  await expectGood(page)
  await field(page, 'Further scopes of the app').fill('model:deploy')
  await page.getByRole('button', { name: 'Ask what if' }).click()
  await expect(page.getByText('Yes: then Deployer could do model:deploy.')).toBeVisible()
  await expectGood(page)
  await field(page, 'Who').fill(owner.email)
  await field(page, 'Does what').fill('api-apps:delete')
  await field(page, 'Role of the person').selectOption('As if the role were admin')
  await page.getByRole('button', { name: 'Ask what if' }).click()
  await expect(page.getByText(`No: even then ${owner.email} could not do api-apps:delete.`)).toBeVisible()

  // who can
  await field(page, 'Do what').fill('workflow:deploy')
  await page.getByRole('button', { name: 'Ask who can' }).click()
  const able = page.getByRole('region', { name: 'Who can' })
  await expect(able.getByRole('row')).toHaveCount(3)
  await expect(able).toContainText('The role owner carries workflow:deploy.')
  await expectGood(page)
  await able.getByRole('link', { name: 'Deployer' }).click()
  await expect(page).toHaveURL(/\/api-scopes\//)
})
