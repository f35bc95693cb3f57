// The pages of the lab identity provider, as the demo serves them.
import AxeBuilder from '@axe-core/playwright'
import { type Page, test as base, expect } from '@playwright/test'
import { join } from 'node:path'
import { Service, cleanEnvironment, freePort, repository } from '../support/process'

const binary = process.env.GATEHOUSE_BIN ?? join(process.env.CARGO_TARGET_DIR ?? join(repository, 'target'), 'debug/gatehouse')

interface Demo {
  url: string
  /** The path of its lab. */
  lab: string
  connection: string
}

const test = base.extend<object, { demo: Demo }>({
  demo: [
    async ({ playwright }, use) => {
      const port = await freePort()
      const url = `http://127.0.0.1:${port}`
      const demo = await Service.start('gatehouse demo', binary, ['demo', '--listen', `127.0.0.1:${port}`], cleanEnvironment({}), () =>
        fetch(`${url}/readyz`).then((answer) => answer.ok),
      )
      await expect.poll(() => demo.log, { timeout: 60_000 }).toContain('Gatehouse is ready')
      const [, email] = /as its owner\s+(\S+)/.exec(demo.log)!
      const [, password] = /password: ([^)]+)\)/.exec(demo.log)!
      const http = await playwright.request.newContext({ baseURL: url })
      const { accessToken } = await (await http.post('/api/v1/auth/login', { data: { email, password } })).json()
      const headers = { authorization: `Bearer ${accessToken}` }
      const { workspace } = await (await http.get('/api/v1/me', { headers })).json()
      const [{ id }] = (await (await http.get('/api/v1/sso/connections', { headers })).json()).data
      await http.dispose()
      await use({ url, lab: `/lab/idp/${workspace.id}`, connection: id })
      await demo.stop()
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  baseURL: async ({ demo }, use) => use(demo.url),
})

for (const width of [1280, 390]) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test.describe(() => {
      test.use({ viewport: { width, height: 844 }, colorScheme })

      test(`home, people and faults, sign-on at ${width} px, ${colorScheme}`, async ({ page, demo }) => {
        const pages = [demo.lab, `${demo.lab}/start?connection=${demo.connection}`, `/sso/${demo.connection}/start`]
        for (const path of pages) {
          const answer = await page.goto(path)
          expect(answer?.status(), path).toBe(200)
          expect(new URL(page.url()).pathname.startsWith(demo.lab), path).toBe(true)
          await expectGood(page)
        }
        await expect(page.getByRole('button', { name: /^Ada/ })).toBeVisible()
        await expect(page.getByLabel('Misbehave')).toBeVisible()
      })
    })
  }
}

test('somebody who is chosen signs in, and the account says how the lab knows her', async ({ page, demo }) => {
  await page.goto(`/sso/${demo.connection}/start?returnTo=/account`)
  await page.getByRole('button', { name: /^Ada/ }).click()
  await expect(page).toHaveURL(`${demo.url}/account`)
  await expect(page.getByRole('table', { name: 'How providers know you' })).toContainText('emailAddress')
  await expectGood(page)
})

/** The page fits and is accessible. */
async function expectGood(page: Page): Promise<void> {
  await expect(page.getByRole('main')).toBeVisible()
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth])
  expect(content, `${page.url()} scrolls sideways`).toBeLessThanOrEqual(window!)
  const { violations } = await new AxeBuilder({ page }).analyze()
  expect(violations.map(({ id, help, nodes }) => ({ id, help, where: nodes.map((node) => node.html) }))).toEqual([])
}
