// Groups of the directory give roles: looked at before it counts; and what stays of a leaver goes to somebody else.
import { type APIRequestContext, expect } from '@playwright/test'
import { test } from '../fixtures'
import { done, field } from '../support/console'
import { expectGood } from '../support/looks'

/** The identity provider's side: SCIM with a token. */
async function scim(http: APIRequestContext, token: string, method: string, path: string, data?: object) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' }
  const answer = await http.fetch(`/scim/v2${path}`, { method, headers, ...(data ? { data: JSON.stringify(data) } : {}) })
  expect(answer.ok(), await answer.text()).toBe(true)
  return answer.status() === 204 ? undefined : await answer.json()
}

test('groups give roles, and leaving the last of them is leaving the company', async ({ ownerPage: page, owner, apiOf, stranger }) => {
  test.setTimeout(120_000)
  const api = await apiOf(owner)
  const scopes = ['users:read', 'users:write', 'groups:read', 'groups:write']
  const { plainValue: token } = await api.post('/api/v1/scim/tokens', { name: 'Okta', scopes })
  await page.goto('/settings/security/scim')
  await expect(page.getByText('There are no groups yet')).toBeVisible()

  const email = `ada@${owner.email.split('@')[1]}`
  const ada = await scim(stranger, token, 'POST', '/Users', { userName: email })
  const group = await scim(stranger, token, 'POST', '/Groups', { displayName: 'Staff', members: [{ value: ada.id }] })
  await page.reload()
  await field(page, 'Further group').selectOption({ label: 'Staff' })
  await field(page, 'Its role').selectOption('admin')
  await page.getByRole('button', { name: 'Show who changes' }).click()
  await expect(page.getByRole('row', { name: `${email} viewer admin` })).toBeVisible()
  await expectGood(page)
  await page.getByRole('button', { name: 'Save', exact: true }).click()
  await expect(done(page, 'The roles of groups were saved: 1 changed')).toBeVisible()
  await expect(page.getByLabel('Role of Staff')).toHaveValue('admin')
  await expectGood(page)

  await page.goto('/settings/people')
  await page.getByRole('link', { name: `Change role of ${email}` }).click()
  await expect(page.getByText('A group of the directory gives this role')).toBeVisible()
  await expectGood(page)
  await field(page, 'Role').selectOption('viewer')
  await page.getByRole('button', { name: 'Change role' }).click()
  await expect(page.getByText('The group "Staff" of the directory gives this person the role admin')).toBeVisible()

  // a group that gives nothing any more, while another does: whoever was in it alone is shown as losing access
  await scim(stranger, token, 'POST', '/Groups', { displayName: 'Others' })
  await page.goto('/settings/security/scim')
  await page.getByLabel('Role of Staff').selectOption({ label: 'Gives no role' })
  await field(page, 'Further group').selectOption({ label: 'Others' })
  await page.getByRole('button', { name: 'Show who changes' }).click()
  await expect(page.getByRole('row', { name: `${email} admin no access` })).toBeVisible()
  await expectGood(page)
  await page.getByRole('link', { name: 'Cancel' }).click()

  // the provider takes the person out of the group
  const gone = [{ op: 'remove', path: `members[value eq "${ada.id}"]` }]
  await scim(stranger, token, 'PATCH', `/Groups/${group.id}`, { Operations: gone })
  await page.goto('/settings/people')
  await page.getByRole('link', { name: `Receipt of ${email}` }).click()
  await expect(page.getByText('no-group-left')).toBeVisible()
  await expectGood(page)
})

test('what stays of a leaver is handed over on the receipt', async ({ ownerPage: page, owner, apiOf, gatehouse, stranger }) => {
  test.setTimeout(120_000)
  const api = await apiOf(owner)
  const second = await gatehouse.createOwner(owner.workspace, `second@${owner.email.split('@')[1]}`)
  const login = await stranger.post('/api/v1/auth/login', { data: { email: second.email, password: second.password } })
  const headers = { authorization: `Bearer ${(await login.json()).accessToken}` }
  const made = await stranger.post('/api/v1/scim/tokens', { headers, data: { name: 'Entra' } })
  expect(made.status(), await made.text()).toBe(200)
  const found = await api.get(`/api/v1/users?email=${second.email}`)
  await api.post(`/api/v1/users/${found.data[0].id}/suspend`, {})

  await page.goto(`/settings/people/${found.data[0].id}/offboarding`)
  await expect(page.getByText('1 token of the directory (SCIM): Entra')).toBeVisible()
  await expectGood(page)
  await field(page, 'Transfer to').fill('nobody@nowhere.test')
  await page.getByRole('button', { name: 'Transfer' }).click()
  await expect(page.locator('#to-error')).toBeVisible()
  await expectGood(page)
  await field(page, 'Transfer to').fill(owner.email)
  await page.getByRole('button', { name: 'Transfer' }).click()
  await expect(done(page, `One thing belongs to ${owner.email} now.`)).toBeVisible()
  await expect(page.getByText(`Handed over to ${owner.email}`)).toBeVisible()
  await expectGood(page)
  await page.getByRole('button', { name: 'Make company-owned' }).click()
  await expect(done(page, 'There was nothing left to hand over.')).toBeVisible()
})
