// A service outside with an authorization server: npm `oidc-provider` in a process of its own (oidc-provider/outside.mjs).
import { type Page, expect } from '@playwright/test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Service, answersHttp, cleanEnvironment, freePort, repository } from './process'

export class Outside {
  private service: Service | undefined

  private constructor(
    readonly url: string,
    private readonly port: number,
    private readonly state: string,
  ) {}

  static async prepare(): Promise<Outside> {
    const port = await freePort()
    // "localhost" is another site than 127.0.0.1 to the browser, as a real service is.
    return new Outside(`http://localhost:${port}`, port, mkdtempSync(join(tmpdir(), 'gatehouse-outside-')))
  }

  /** Starts it with the one callback that it knows. */
  async start(redirectUri: string): Promise<void> {
    writeFileSync(join(this.state, 'client.json'), JSON.stringify({ redirectUri }))
    const env = cleanEnvironment({ OP_PORT: String(this.port), OP_URL: this.url, OP_STATE: this.state })
    const program = join(repository, 'e2e/oidc-provider/outside.mjs')
    this.service = await Service.start('outside', process.execPath, [program], env, () =>
      answersHttp(`${this.url}/.well-known/openid-configuration`),
    )
  }

  /** Its own pages: the sign-in, where it does not know the browser, then the consent. */
  async consent(page: Page, person: string): Promise<void> {
    const login = page.locator('input[name=login]')
    const consent = page.locator('input[name=prompt][value=consent]')
    await expect(login.or(consent)).toBeAttached()
    if (await login.count()) {
      await login.fill(person)
      await page.locator('input[name=password]').fill('any')
      await page.locator('button[type=submit]').click()
    }
    await expect(consent).toBeAttached()
    await page.locator('button[type=submit]').click()
  }

  /** Somebody takes the consent back there. */
  async forget(): Promise<void> {
    expect((await fetch(`${this.url}/forget`, { method: 'POST' })).status).toBe(204)
  }

  async stop(): Promise<void> {
    await this.service?.stop()
    rmSync(this.state, { recursive: true, force: true })
  }
}
