// The editor of flows: drawn, walked through with the keyboard, judged while one writes.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Locator, Page } from '@playwright/test'
import { expect, test } from '../fixtures'
import { done, field } from '../support/console'
import { expectGood } from '../support/looks'
import { repository } from '../support/process'

interface Definition {
  nodes: { id: string; kind: string; [key: string]: unknown }[]
  edges: { from: string; to: string; case?: string; on?: string }[]
}

const TWO_WAYS: Definition = {
  nodes: [
    { id: 'start', kind: 'start', inputs: [{ name: 'amount', type: 'number', required: true }] },
    { id: 'large', kind: 'condition', cases: [{ name: 'large', when: { left: '{{ input.amount }}', operator: '>', right: 10 } }] },
    { id: 'tell', kind: 'api', request: { method: 'POST', url: 'https://echo.example/tell', body: { type: 'json', value: { n: '{{ input.amount }}' } } } },
    { id: 'done', kind: 'end', output: '{{ steps.tell.output.status }}' },
  ],
  edges: [
    { from: 'start', to: 'large' },
    { from: 'large', to: 'tell', case: 'large' },
    { from: 'large', to: 'done', case: 'else' },
    { from: 'tell', to: 'done' },
  ],
}

const box = (page: Page, name: string): Locator => page.getByRole('application').getByRole('button', { name: new RegExp(`^${name}, `) })
const definition = async (page: Page): Promise<Definition> => JSON.parse(await page.locator('textarea[name=definition]').inputValue())
const ids = async (page: Page): Promise<string[]> => (await definition(page)).nodes.map((node) => node.id)
const said = (page: Page, words: string): Locator => page.getByRole('status').filter({ hasText: words })

async function open(page: Page, name: string, of?: Definition): Promise<void> {
  await page.goto('/flows/new')
  await field(page, 'Name').fill(name)
  await page.getByRole('button', { name: 'Create flow' }).click()
  await expect(page.getByRole('heading', { level: 1, name })).toBeVisible()
  if (!of) return
  await page.getByRole('tab', { name: 'JSON' }).click()
  await page.getByLabel('Definition', { exact: true }).fill(JSON.stringify(of))
  await page.getByRole('tab', { name: 'Step' }).click()
}

/** The pictures of the documentation are taken only on demand. */
async function shoot(page: Page): Promise<void> {
  if (process.env.UPDATE_SCREENSHOTS !== '1') return
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    await page.waitForTimeout(400)
    await page.screenshot({ path: join(repository, 'docs/screenshots', `flow-editor-1280-${colorScheme}.png`), fullPage: true, animations: 'disabled' })
  }
}

test('a flow is built with the keyboard alone, saved and deployed', async ({ ownerPage: page }) => {
  test.setTimeout(300_000)
  await page.goto('/')
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Flows' }).click()
  await expectGood(page)
  await page.getByRole('link', { name: 'New flow' }).first().click()
  await expectGood(page)
  await open(page, 'Built by hand')
  await expect(page.getByRole('heading', { name: 'No problems' })).toBeVisible()
  await expectGood(page)

  // a step behind the start, and its request
  await box(page, 'start').focus()
  await page.keyboard.press('a')
  await expect(page.getByRole('dialog', { name: 'Add a step after start' })).toBeVisible()
  await expectGood(page)
  await page.keyboard.press('Enter')
  await expect(box(page, 'api')).toBeFocused()
  await expect(said(page, 'api was added after start.')).toBeAttached()
  expect((await definition(page)).edges).toEqual([{ from: 'start', to: 'api' }, { from: 'api', to: 'end' }])
  await expect(page.getByRole('heading', { name: /problem/ })).toContainText('1 problem')

  await page.keyboard.press('Enter')
  await expect(page.getByRole('textbox', { name: 'Name', exact: true }).first()).toBeFocused()
  await page.keyboard.type('Ask the echo')
  await expect(box(page, 'Ask the echo')).toBeVisible()
  await page.getByRole('button', { name: 'Define Request' }).press('Enter')
  const request = page.getByRole('dialog', { name: 'Request of Ask the echo' })
  await expect(request.getByRole('combobox', { name: 'Request type' })).toBeFocused()
  await expect(request.getByRole('combobox', { name: 'Auth Profiles' })).toHaveValue('')
  await expect(request.getByRole('tab', { name: 'Body' })).toHaveCount(0)
  await request.getByRole('textbox', { name: /^URL or cURL/ }).fill('https://echo.example/anything')
  await expectGood(page)
  await request.getByRole('button', { name: 'Save' }).press('Enter')
  await expect(page.getByRole('heading', { name: 'No problems' })).toBeVisible()

  // away with it, and back
  await page.getByRole('button', { name: 'Edit Request' }).press('Escape')
  await expect(box(page, 'Ask the echo')).toBeFocused()
  await page.keyboard.press('Delete')
  expect(await ids(page)).toEqual(['start', 'end'])
  await expect(box(page, 'start')).toBeFocused()
  await page.keyboard.press('Control+z')
  expect(await ids(page)).toEqual(['start', 'end', 'api'])
  await page.keyboard.press('Control+y')
  expect(await ids(page)).toEqual(['start', 'end'])
  await page.getByRole('button', { name: 'Undo' }).click()
  await expect(box(page, 'Ask the echo')).toBeVisible()

  await page.getByRole('button', { name: 'Save and deploy' }).click()
  await expect(done(page, 'Version 1 is deployed.')).toBeVisible()
  await expect(box(page, 'Ask the echo')).toBeVisible()
  await page.getByRole('navigation', { name: 'Flow', exact: true }).getByRole('link', { name: 'Versions' }).click()
  await expect(page.getByText('In service')).toBeVisible()
  await expectGood(page)
  await page.getByRole('link', { name: 'Version 1' }).click()
  await expectGood(page)
})

test('arrow keys walk along the ways of a flow', async ({ ownerPage: page }) => {
  await open(page, 'Walked', TWO_WAYS)
  await expect(page.getByRole('heading', { name: 'No problems' })).toBeVisible()
  await shoot(page)
  await box(page, 'start').focus()
  for (const [key, name] of [['ArrowDown', 'large'], ['ArrowDown', 'tell'], ['ArrowDown', 'done'], ['ArrowUp', 'tell'], ['Home', 'start'], ['End', 'done']] as const) {
    await page.keyboard.press(key)
    await expect(box(page, name)).toBeFocused()
  }
  await expect(box(page, 'large')).toHaveAccessibleName(/leads to tell \(large\), done \(else\)/)

  // one stop of the Tab key for all boxes, and each thing the keys do has a button
  await expect(page.getByRole('application').locator('[tabindex="0"]')).toHaveCount(1)
  await page.keyboard.press('?')
  await expect(page.getByRole('dialog', { name: 'Keys' })).toBeVisible()
  await expectGood(page)
  await page.getByRole('button', { name: 'Close' }).click()

  await box(page, 'tell').click()
  await page.getByRole('toolbar').getByRole('button', { name: 'Connect' }).click()
  const dialog = page.getByRole('dialog', { name: 'Connect tell' })
  await dialog.getByRole('combobox', { name: 'When' }).selectOption({ label: 'if it fails' })
  await expectGood(page)
  await dialog.getByRole('button', { name: 'Connect', exact: true }).click()
  expect((await definition(page)).edges).toContainEqual({ from: 'tell', to: 'done', on: 'error' })

  // a new id is followed by expressions and edges
  const id = page.getByRole('textbox', { name: /^Id/ })
  await id.fill('told')
  await id.press('Tab')
  const now = await definition(page)
  expect(now.nodes[3]!.output).toBe('{{ steps.told.output.status }}')
  expect(now.edges.filter((edge) => edge.from === 'told')).toHaveLength(2)
})

test('problems are told while one writes, and lead to their place', async ({ ownerPage: page }) => {
  await open(page, 'Judged', TWO_WAYS)
  await page.getByRole('tab', { name: 'JSON' }).click()
  const text = page.getByLabel('Definition', { exact: true })
  await text.fill('{"nodes": [')
  await expect(page.getByRole('paragraph').filter({ hasText: 'The JSON cannot be read' })).toBeVisible()
  await expectGood(page)
  await page.getByRole('button', { name: 'Back to what could be read' }).click()
  await expect(page.getByRole('heading', { name: 'No problems' })).toBeVisible()

  const wrong = structuredClone(TWO_WAYS)
  wrong.nodes[2]!.request = { method: 'GET', url: 'https://echo.example/{{ steps.nobody.output }}' }
  await text.fill(JSON.stringify(wrong))
  await expect(page.getByRole('heading', { name: /problem/ })).toContainText('1 problem')
  await expectGood(page)
  await page.getByRole('button', { name: /^tell › request › url/ }).click()
  await expect(page.getByRole('button', { name: 'Edit Request' })).toBeFocused()
  await expect(page.getByText(/there is no (node|step) nobody/i).first()).toBeVisible()

  // what is wrong is not saved, and nothing that was typed is lost
  wrong.nodes[3]!.colour = 'red'
  await page.getByRole('tab', { name: 'JSON' }).click()
  await text.fill(JSON.stringify(wrong))
  await expect(page.getByRole('button', { name: /^done › colour/ })).toBeVisible()
  await page.getByRole('button', { name: 'Save', exact: true }).click()
  await expect(page.getByText('Please correct this first.')).toBeVisible()
  expect((await definition(page)).nodes[3]!.colour).toBe('red')
})

test('a pasted curl command becomes a request', async ({ ownerPage: page }) => {
  await open(page, 'Pasted', TWO_WAYS)
  await box(page, 'tell').click()
  await page.getByRole('button', { name: 'Edit Request' }).click()
  const request = page.getByRole('dialog')
  const url = request.getByRole('textbox', { name: /^URL or cURL/ })
  const paste = (command: string) =>
    url.evaluate((element, text) => {
      const data = new DataTransfer()
      data.setData('text', text)
      element.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }))
    }, command)
  await paste('curl --no-such-option https://echo.example/')
  await expect(request.getByText(/not known here/)).toBeVisible()
  await paste(`curl -X PUT 'https://echo.example/orders/7' -H 'X-Trace: 1' \\\n  -H 'Content-Type: application/json' -d '{"state":"open"}'`)
  await expect(request.getByText('The command was taken apart.')).toBeVisible()
  await expect(url).toHaveValue('https://echo.example/orders/7')
  await expect(request.getByRole('textbox', { name: 'Value of X-Trace' })).toHaveValue('1')
  await request.getByRole('tab', { name: 'Body' }).click()
  await expect(request.getByRole('combobox', { name: 'Body type' })).toHaveValue('json')

  // values of earlier steps are put in by choosing them
  await request.getByRole('button', { name: 'Insert a value into JSON' }).click()
  await page.getByRole('dialog', { name: 'Insert a value into JSON' }).getByRole('button', { name: /input\.amount/ }).click()
  await expect(request.getByRole('textbox', { name: 'JSON' })).toHaveValue(/\{\{ input\.amount \}\}/)
  await request.getByRole('combobox', { name: 'Body type' }).selectOption({ label: 'application/xml' })
  await expectGood(page)
  await request.getByRole('button', { name: 'Cancel' }).click()
  expect((await definition(page)).nodes[2]!.request).toEqual(TWO_WAYS.nodes[2]!.request)
})

test('a request is tried out with sample values', async ({ ownerPage: page }) => {
  const echo = createServer((request, response) => {
    let body = ''
    request.on('data', (part) => (body += part))
    request.on('end', () => response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify({ path: request.url, said: JSON.parse(body) })))
  })
  await new Promise<void>((listening) => echo.listen(0, '127.0.0.1', listening))
  const url = `http://127.0.0.1:${(echo.address() as AddressInfo).port}/orders/{{ input.amount }}`
  const tried = structuredClone(TWO_WAYS)
  tried.nodes[2]!.request = { method: 'POST', url, body: { type: 'json', value: { n: '{{ input.amount }}' } } }
  await open(page, 'Tried', tried)
  await box(page, 'tell').click()
  await page.getByRole('button', { name: 'Edit Request' }).click()
  const request = page.getByRole('dialog')
  await request.getByRole('tab', { name: 'Headers' }).press('ArrowLeft')
  await expect(request.getByRole('tab', { name: 'Response' })).toBeFocused()
  await request.getByRole('textbox', { name: 'input.amount' }).fill('7')
  await request.getByRole('button', { name: 'Test', exact: true }).click()
  await expect(request.getByText('201', { exact: true })).toBeVisible()
  const body = request.getByRole('region', { name: 'Body of the answer' })
  await expect(body).toContainText('"path": "/orders/7"')
  await expect(body).toContainText('"n": 7')
  await expectGood(page)
  echo.close()
})

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false })

  test('the definition is edited as JSON', async ({ ownerPage: page }) => {
    await page.goto('/flows/new')
    await field(page, 'Name').fill('Plain')
    await page.getByRole('button', { name: 'Create flow' }).click()
    await page.getByLabel('Definition', { exact: true }).fill(JSON.stringify(TWO_WAYS))
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await expect(done(page, 'The draft was saved.')).toBeVisible()
    await page.getByRole('link', { name: 'Delete…' }).click()
    await expect(page.getByRole('heading', { level: 1, name: 'Delete Plain?' })).toBeVisible()
  })
})

test('a flow leaves as a file and comes back', async ({ ownerPage: page }) => {
  await open(page, 'Travelling')
  const waiting = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Export' }).click()
  const file = await (await waiting).path()
  await page.goto('/flows/import')
  await page.getByLabel('From a file').setInputFiles(file)
  await expect(field(page, 'Exported flow')).toHaveValue(/gatehouse-flow\/1/)
  await expectGood(page)
  await page.getByRole('button', { name: 'Import flow' }).click()
  await expect(done(page, 'Travelling (2) was imported.')).toBeVisible()
})
