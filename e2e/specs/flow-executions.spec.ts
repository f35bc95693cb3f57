// Flows that run as the person who started them: the panel, forms, authentication, the four modes.
import type { Page } from '@playwright/test'
import { expect, test as base } from '../fixtures'
import type { Api } from '../support/api'
import { done, field } from '../support/console'
import { databaseKind } from '../support/database'
import { Gatehouse } from '../support/gatehouse'
import { expectGood } from '../support/looks'
import { World } from '../support/world'

const CLIENT = '01234567-89ab-cdef-0123-456789abcdef'

const test = base.extend<object, { outside: World }>({
  outside: [
    async ({}, use) => {
      const outside = await World.start()
      await use(outside)
      await outside.stop()
    },
    { scope: 'worker' },
  ],
  gatehouse: [
    async ({ dns, host, outside }, use) => {
      const gatehouse = await Gatehouse.start(databaseKind(), dns.address, host, outside.settings)
      await use(gatehouse)
      await gatehouse.stop()
    },
    { scope: 'worker', timeout: 60_000 },
  ],
})

const status = (page: Page, word: string) => page.locator('#facts').getByText(word, { exact: true })

async function deployed(api: Api, name: string, nodes: { id: string; [key: string]: unknown }[]): Promise<string> {
  const all = [{ id: 'start', kind: 'start', inputs: [{ name: 'customer', type: 'string', label: 'Customer', required: true }] }, ...nodes, { id: 'done', kind: 'end', output: '{{ input.customer }}' }]
  const edges = all.slice(1).map((node, place) => ({ from: all[place]!.id, to: node.id }))
  const { id } = await api.post('/api/v1/flows', { name, definition: { nodes: all, edges } })
  await api.post(`/api/v1/flows/${id}/deploy`)
  return id
}

test('a flow is run with a form, asks back, and is followed live', async ({ ownerPage: page, owner, apiOf }) => {
  test.setTimeout(300_000)
  const id = await deployed(await apiOf(owner), 'Invoices', [
    { id: 'ask', kind: 'input', title: 'Which invoice shall be sent again?', fields: [{ name: 'number', type: 'integer', label: 'Invoice number', required: true }] },
  ])
  await page.goto(`/flows/${id}`)
  await page.getByRole('link', { name: 'Run', exact: true }).click()
  await expectGood(page)
  await page.getByRole('button', { name: 'Run now' }).click()
  await expect(page.getByRole('alert')).toContainText('Customer: is missing.')
  await expectGood(page)
  await field(page, 'Customer').fill('Acme')
  await page.getByRole('button', { name: 'Run now' }).press('Enter')

  // the page follows by itself until a person is needed
  await expect(page.getByRole('heading', { name: 'Waiting for input' })).toBeVisible()
  await expect(status(page, 'User input')).toBeVisible()
  await expectGood(page)
  await page.goto('/flows/waiting')
  await expect(page.getByText('Which invoice shall be sent again?')).toBeVisible()
  await expectGood(page)
  await page.getByRole('link', { name: 'Invoices' }).click()
  await field(page, 'Invoice number').fill('twelve')
  await page.getByRole('button', { name: 'Submit' }).click()
  await expect(page.getByRole('alert')).toContainText('Invoice number')
  await field(page, 'Invoice number').fill('12')
  await page.getByRole('button', { name: 'Submit' }).click()
  await expect(status(page, 'Success')).toBeVisible()
  await expect(page.getByRole('list', { name: 'Steps' }).getByRole('listitem')).toHaveCount(3)
  await expectGood(page)

  await page.getByRole('navigation', { name: 'Flows' }).getByRole('link', { name: 'Executions' }).click()
  await expect(page.getByRole('cell', { name: 'Invoices' })).toBeVisible()
  await expectGood(page)
  await page.getByRole('navigation', { name: 'Flows' }).getByRole('link', { name: 'Statistics' }).click()
  await expect(page.getByRole('paragraph').filter({ hasText: '1 executions from' })).toBeVisible()
  await expectGood(page)
})

test('an execution is canceled after a question', async ({ ownerPage: page, owner, apiOf }) => {
  const id = await deployed(await apiOf(owner), 'Slow', [{ id: 'wait', kind: 'delay', seconds: 3600 }])
  await page.goto(`/flows/${id}/run`)
  await field(page, 'Customer').fill('Acme')
  await page.getByRole('button', { name: 'Run now' }).click()
  await expect(status(page, 'Waiting')).toBeVisible()
  await page.getByRole('button', { name: 'Cancel execution…' }).click()
  await expectGood(page)
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel execution' }).click()
  await expect(done(page, 'The execution was canceled.')).toBeVisible()
  await expect(status(page, 'Canceled')).toBeVisible()
})

/** The consent page of Entra ID sends the browser back at once. */
async function consents(page: Page): Promise<void> {
  await page.route('https://login.microsoftonline.com/**', async (route) => {
    const asked = new URL(route.request().url())
    const back = `${asked.searchParams.get('redirect_uri')}?code=c&state=${asked.searchParams.get('state')}`
    await route.fulfill({ status: 302, headers: { location: back } })
  })
}

async function connector(page: Page): Promise<string> {
  await page.goto('/integrations/connectors/new/icertis-preview')
  await field(page, 'Icertis instance').fill('acme')
  await field(page, 'Client ID').fill(CLIENT)
  await field(page, 'Client Secret').fill('a secret of Azure')
  await field(page, 'Tenant ID').fill('tenant-1')
  await field(page, 'Scope').fill(`api://${CLIENT}/.default offline_access`)
  await page.getByRole('button', { name: 'Connect', exact: true }).click()
  await expect(done(page, 'is authorized')).toBeVisible()
  return new URL(page.url()).pathname.split('/').at(-1)!
}

async function setMode(page: Page, id: string, label: string): Promise<void> {
  await page.goto(`/integrations/connectors/${id}/user-authentications`)
  await page.getByLabel('Enable user authentications for this connector').check()
  await page.getByLabel(label, { exact: true }).check()
  await page.getByRole('button', { name: 'Save changes' }).click()
  await expect(done(page, 'The changes were saved')).toBeVisible()
}

test('a flow waits for the person, and each of the four modes is seen in the panel', async ({ ownerPage: page, owner, apiOf, outside }) => {
  test.setTimeout(420_000)
  outside.claims = { aud: CLIENT, iss: 'https://sts.windows.net/tenant-1/', oid: 'o' }
  await consents(page)
  const id = await connector(page)
  const api = await apiOf(owner)
  const flow = await deployed(api, 'Contracts', [{ id: 'ask', kind: 'connector', name: 'List the users', connectorId: id, action: 'list-users' }])
  const start = async (): Promise<void> => {
    const begun = await api.post(`/api/v1/flows/executions/start?flowId=${flow}`, { customer: 'Acme' })
    await page.goto(`/flows/executions/${begun.id}`)
  }

  await setMode(page, id, 'Fallback to connector user')
  await start()
  await expect(status(page, 'Success')).toBeVisible()
  await expect(page.getByText("as the connector's user")).toBeVisible()

  await setMode(page, id, 'Fallback to connector user and generate a warning on the flow execution')
  await start()
  await expect(status(page, 'Success')).toBeVisible()
  await expect(page.locator('#execution .notice.warn')).toBeVisible()
  await expectGood(page)

  await setMode(page, id, 'End flow with error')
  await start()
  await expect(status(page, 'Error')).toBeVisible()
  await expectGood(page)

  await setMode(page, id, 'Pause flows and wait for the user to authenticate')
  await start()
  await expect(status(page, 'Authentication needed')).toBeVisible()
  await expectGood(page)
  await page.goto('/flows/waiting')
  await expect(page.getByText('1 execution needs your authentication')).toBeVisible()
  await expectGood(page)
  await page.goBack()
  await page.getByRole('button', { name: 'Authenticate' }).click()
  // back on the execution, which goes on by itself
  await expect(page).toHaveURL(/\/flows\/executions\//)
  await expect(status(page, 'Success')).toBeVisible()
  await expect(page.getByText(/^For .*, as /)).toBeVisible()
})
