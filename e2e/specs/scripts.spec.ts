// Custom scripts: imported by the wizard, deployed, called with what the pages say, taken out of service, deleted.
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { Page } from '@playwright/test'
import { expect, test } from '../fixtures'
import { done, field } from '../support/console'
import { expectGood } from '../support/looks'

const run = promisify(execFile)
const next = (page: Page) => page.getByRole('button', { name: 'Next', exact: true }).last()
const tab = (page: Page, name: string) => page.getByRole('navigation', { name: 'Custom script', exact: true }).getByRole('link', { name })
const heading = (page: Page, name: string | RegExp) => page.getByRole('heading', { name, level: 2 })
const choose = (page: Page, name: string, buffer: Buffer) =>
  page.getByLabel(/^Project File/).setInputFiles({ name, mimeType: 'application/octet-stream', buffer })

async function sample(page: Page, language: string): Promise<Buffer> {
  const answer = await page.request.get(`/api/v1/scripts/samples/${language}`)
  expect(answer.status()).toBe(200)
  return await answer.body()
}

/** The steps before the last one, with their defaults. */
async function walk(page: Page, name: string): Promise<void> {
  await page.goto('/scripts/new')
  await field(page, 'Script name').fill(name)
  await page.getByLabel(/^Base Language/).selectOption('python')
  await choose(page, 'sample.zip', await sample(page, 'python'))
  for (const title of ['Runtime Settings', 'Resource Allocation', 'Terms and Conditions']) {
    await next(page).click()
    await expect(heading(page, title)).toBeVisible()
  }
}

test('the wizard imports a script step by step, and none can be skipped', async ({ ownerPage: page }) => {
  test.setTimeout(180_000)
  await page.goto('/')
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Custom scripts' }).click()
  await expect(page.getByText('Python 3.10.15')).toBeVisible()
  await expect(heading(page, 'Credits')).toBeVisible()
  await expectGood(page)

  // by its address alone, no step but the first is shown
  for (const step of ['runtime', 'resources', 'review']) {
    await page.goto(`/scripts/new/${step}`)
    await expect(page).toHaveURL(/\/scripts\/new$/)
    await expect(page.getByText('none can be skipped')).toBeVisible()
  }
  await page.goto('/scripts')
  await page.getByRole('link', { name: '+ Import', exact: true }).click()
  await expectGood(page)

  // the language brings its version; a file that is none blocks the way and is explained
  await field(page, 'Script name').fill('Invoices')
  await page.getByLabel(/^Base Language/).selectOption('javascript')
  await expect(page.getByLabel('Language Version')).toHaveValue('20.19.0')
  await page.getByLabel(/^Base Language/).selectOption('python')
  await expect(page.getByLabel('Language Version')).toHaveValue('3.10.15')
  await choose(page, 'project.zip', Buffer.from('no archive at all'))
  await page.getByRole('button', { name: 'Validate' }).click()
  await expect(page.getByText('Errors in the project')).toBeVisible()
  await expectGood(page)
  await next(page).click()
  await expect(page.getByText('Resolve what was found in the project file').first()).toBeVisible()
  await expect(heading(page, 'General Details')).toBeVisible()

  // the sample is what the page offers to begin with
  await choose(page, 'sample.zip', await sample(page, 'python'))
  await page.getByRole('button', { name: 'Validate' }).click()
  await expect(page.getByText('The project is valid.')).toBeVisible()
  await next(page).click()
  await expect(heading(page, 'Runtime Settings')).toBeVisible()
  await expectGood(page)

  await page.getByLabel('Key 1').fill('TOKEN')
  await page.getByLabel('Value 1').fill('s3cret')
  await page.getByRole('button', { name: '+ Add' }).click()
  await page.getByLabel('Key 2').fill('PATH')
  await field(page, 'Execution timeout').fill('29')
  await next(page).click()
  await expect(page.getByText('PATH is reserved').first()).toBeVisible()
  await expect(page.getByText('must be 30 to 600 seconds').first()).toBeVisible()
  await expectGood(page)
  await page.getByRole('button', { name: 'Delete Key 2' }).click()
  await field(page, 'Execution timeout').fill('45')
  await next(page).click()

  await expect(heading(page, 'Resource Allocation')).toBeVisible()
  const utilization = page.getByLabel('Average Compute Utilization (%)')
  await expect(utilization).toBeDisabled()
  await expect(page.getByText('Actual: 3.5 vCPUs with 13.5GB memory. 0.288 credits')).toBeVisible()
  await expectGood(page)
  await field(page, 'Max Replicas').fill('2')
  await field(page, 'Max Replicas').press('Tab')
  await expect(utilization).toBeEnabled()
  await next(page).click()

  // the review: nothing is deployed before the terms are accepted; a section leads back
  await expect(heading(page, 'Terms and Conditions')).toBeVisible()
  await expect(page.getByRole('button', { name: 'Deploy', exact: true })).toBeDisabled()
  await expectGood(page)
  await page.getByRole('button', { name: 'Modify Runtime Settings' }).click()
  await expect(page.getByLabel('Key 1')).toHaveValue('TOKEN')
  await expect(page.getByLabel('Value 1')).toHaveValue('')
  await next(page).click()
  await next(page).click()
  await page.getByRole('button', { name: 'Accept' }).click()
  await expect(page.getByRole('button', { name: 'Deploy', exact: true })).toBeEnabled()
  await expectGood(page)
  await page.getByRole('button', { name: 'Save as Draft' }).click()
  await expect(done(page, 'The script was saved.')).toBeVisible()
  await expect(page.getByText('Draft', { exact: true })).toBeVisible()
  await expect(page.getByText('TOKEN')).toBeVisible()
  await expectGood(page)

  // a draft: prompts where a deployment would stand
  await tab(page, 'Deployment History').click()
  await expect(page.getByRole('link', { name: 'Deploy custom script' })).toBeVisible()
  await expectGood(page)
  await tab(page, 'Endpoint').click()
  await expect(page.getByRole('link', { name: 'Deploy Custom Script' })).toBeVisible()
  await expectGood(page)
  await tab(page, 'API Keys').click()
  await expect(page.getByRole('link', { name: 'Create a New API Key' })).toBeVisible()
})

test('without JavaScript rows come and go by buttons', async ({ owner, browser, gatehouse }) => {
  const context = await browser.newContext({ baseURL: gatehouse.url, javaScriptEnabled: false })
  const page = await context.newPage()
  await page.request.post('/api/v1/auth/login', { data: { email: owner.email, password: owner.password } })
  await page.goto('/scripts/new')
  await field(page, 'Script name').fill('Plain')
  await page.getByLabel(/^Base Language/).selectOption('python')
  await choose(page, 'sample.zip', await sample(page, 'python'))
  await next(page).click()
  await page.getByLabel('Key 1').fill('ONE')
  await page.getByRole('button', { name: '+ Add' }).click()
  await page.getByLabel('Key 2').fill('TWO')
  await page.getByRole('button', { name: 'Delete Key 1' }).click()
  await expect(page.getByLabel('Key 1')).toHaveValue('TWO')
  await page.getByRole('button', { name: 'Next', exact: true }).last().click()
  await page.getByLabel(/^Max Replicas/).fill('3')
  await page.getByRole('button', { name: 'Apply the numbers of replicas' }).click()
  await expect(page.getByLabel('Average Compute Utilization (%)')).toBeEnabled()
  await context.close()
})

test('a script is deployed, called with what its endpoint says, redeployed, undeployed and deleted', async ({ ownerPage: page }) => {
  test.setTimeout(300_000)
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await walk(page, 'Greeter')
  await page.getByRole('button', { name: 'Accept' }).click()
  await page.getByRole('button', { name: 'Deploy', exact: true }).click()
  await expect(page.getByText('The script is deployed.')).toBeVisible({ timeout: 120_000 })
  await expect(page.getByRole('link', { name: 'Re-deploy' })).toBeVisible()
  await expect(page.getByRole('link', { name: 'Proceed to Undeploy' })).toBeVisible()
  await expect(page.getByRole('link', { name: 'Proceed to Delete' })).toHaveCount(0)
  await expect(page.getByRole('link', { name: 'Export' })).toBeVisible()
  await expectGood(page)

  // a key, shown once
  await tab(page, 'API Keys').click()
  await page.getByRole('link', { name: 'Create API keys' }).click()
  await expect(field(page, 'Name')).toHaveValue('Secret Key')
  await expectGood(page)
  await page.getByRole('button', { name: 'Generate Key' }).click()
  const key = await page.getByLabel('API key').inputValue()
  await expectGood(page)
  await page.getByRole('link', { name: 'Copy and Close' }).click()
  await expect(page.getByRole('cell', { name: 'Secret Key' })).toBeVisible()
  await expectGood(page)
  await page.goto(`${page.url()}?search=cret`)
  await expect(page.getByRole('cell', { name: 'Secret Key' })).toBeVisible()

  // the code runs as it is copied, once the key stands in it
  await tab(page, 'Endpoint').click()
  await expectGood(page)
  await page.getByRole('button', { name: 'Copy the code in cURL' }).click()
  await expect(page.getByText('Copied', { exact: true }).first()).toBeVisible()
  const copied = await page.evaluate(() => navigator.clipboard.readText())
  const { stdout } = await run('bash', ['-c', copied.replace('YOUR_API_KEY', key)])
  expect(JSON.parse(stdout)).toHaveProperty('runId')

  await tab(page, 'Runs').click()
  await expect(page.getByRole('cell', { name: 'Secret Key' })).toBeVisible()
  await expect(page.getByRole('img', { name: 'Failure rate a day' })).toBeVisible()
  await expectGood(page)
  const [runs] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Export as CSV' }).click()])
  expect(runs.suggestedFilename()).toBe('Greeter_runs_data.csv')
  expect(await readFile(await runs.path(), 'utf8')).toContain('"Run ID","Status","Deployment Version"')
  await tab(page, 'Logs').click()
  await expectGood(page)
  const [logs] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Export as CSV' }).click()])
  expect(logs.suggestedFilename()).toBe('Greeter_logs_data.csv')

  // a further version: name and language are locked, the version counts up
  await tab(page, 'Overview').click()
  await page.getByRole('link', { name: 'Re-deploy' }).click()
  await expect(page.getByLabel('Script name')).toHaveAttribute('readonly')
  await expect(page.getByLabel('Base Language')).toHaveAttribute('readonly')
  await expectGood(page)
  await field(page, 'Description').fill('Greets.')
  for (let step = 1; step <= 3; step++) await next(page).click()
  await page.getByRole('button', { name: 'Accept' }).click()
  await page.getByRole('button', { name: 'Deploy', exact: true }).click()
  await expect(page.getByText('Greeter v2', { exact: false }).first()).toBeVisible({ timeout: 120_000 })
  await expect(page.getByText('The script is deployed.')).toBeVisible({ timeout: 120_000 })

  await tab(page, 'Deployment History').click()
  await expect(heading(page, /Greeter v2\s+in service/)).toBeVisible()
  await expectGood(page)
  await page.getByRole('link', { name: 'Edit the name of Greeter v2' }).click()
  await field(page, 'Name of the version').fill('bad name')
  await page.getByRole('button', { name: 'Confirm' }).click()
  await expect(page.getByText('The name of a version has').first()).toBeVisible()
  await expectGood(page)
  await field(page, 'Name of the version').fill('release-2')
  await page.getByRole('button', { name: 'Confirm' }).click()
  await expect(heading(page, /Greeter release-2/)).toBeVisible()

  // out of service: the endpoint says so; then away
  await tab(page, 'Overview').click()
  await page.getByRole('link', { name: 'Proceed to Undeploy' }).click()
  await expectGood(page)
  await page.getByRole('button', { name: 'Undeploy', exact: true }).click()
  await expect(page.getByText('Ready to Deploy', { exact: true })).toBeVisible()
  await expectGood(page)
  await tab(page, 'Endpoint').click()
  await expect(page.getByRole('heading', { name: 'Endpoint not activated' })).toBeVisible()
  await tab(page, 'Overview').click()
  await page.getByRole('link', { name: 'Proceed to Delete' }).click()
  await expectGood(page)
  await page.getByRole('button', { name: 'Delete', exact: true }).click()
  await expect(done(page, 'The script was deleted.')).toBeVisible()
  await expect(page.getByRole('link', { name: '+ Import', exact: true })).toBeVisible()
})

test('R221 an export shows how far it is, can be stopped, and says how it ended', async ({ ownerPage: page }) => {
  await walk(page, 'Exported')
  await page.getByRole('button', { name: 'Save as Draft' }).click()
  await expect(done(page, 'The script was saved.')).toBeVisible()
  const link = page.getByRole('link', { name: 'Export', exact: true })
  const original = await sample(page, 'python')

  // whole, and the bytes that came in
  const [download] = await Promise.all([page.waitForEvent('download'), link.click()])
  expect(await readFile(await download.path())).toEqual(original)
  await expect(page.getByText('The export is complete.').first()).toBeVisible()
  await expectGood(page)

  // over a slow line: its progress is seen, and it is stopped
  const line = await page.context().newCDPSession(page)
  await line.send('Network.enable')
  const slow = (downloadThroughput: number) =>
    line.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput, uploadThroughput: -1 })
  await slow(100)
  await link.click()
  await expect(page.getByRole('progressbar', { name: 'Progress of the export' })).toBeVisible()
  await page.getByRole('button', { name: 'Cancel export' }).click()
  await expect(page.getByText('The export was canceled.').first()).toBeVisible()
  await expect(link).toBeFocused()
  await slow(-1)

  // what the server says is said
  await page.route('**/export', (route) =>
    route.fulfill({ status: 409, contentType: 'application/json', body: '{"error":{"message":"The file is not here."}}' }))
  await link.click()
  await expect(page.getByText('The export failed. The file is not here.').first()).toBeVisible()
})
