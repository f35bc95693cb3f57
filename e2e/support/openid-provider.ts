// An independent OpenID provider: npm `oidc-provider` in a process of its own (oidc-provider/op.mjs).
import { type Page, expect } from '@playwright/test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Service, answersHttp, cleanEnvironment, freePort, repository } from './process'

export interface Client {
  redirectUri: string
  postLogoutRedirectUri: string
  backchannelLogoutUri: string
}

export class OpenIdProvider {
  private service: Service | undefined

  private constructor(
    readonly url: string,
    private readonly port: number,
    private readonly state: string,
  ) {}

  static async prepare(): Promise<OpenIdProvider> {
    const port = await freePort()
    // "localhost" is another site than 127.0.0.1 to the browser, as a real provider is.
    const provider = new OpenIdProvider(`http://localhost:${port}`, port, mkdtempSync(join(tmpdir(), 'gatehouse-op-')))
    provider.misbehave(null)
    return provider
  }

  /** Starts it with the one client that it knows. */
  async start(client: Client): Promise<void> {
    writeFileSync(join(this.state, 'client.json'), JSON.stringify(client))
    const env = cleanEnvironment({ OP_PORT: String(this.port), OP_URL: this.url, OP_STATE: this.state })
    const program = join(repository, 'e2e/oidc-provider/op.mjs')
    this.service = await Service.start('oidc-provider', process.execPath, [program], env, () =>
      answersHttp(`${this.url}/.well-known/openid-configuration`),
    )
  }

  misbehave(fault: 'wrong_nonce' | null): void {
    writeFileSync(join(this.state, 'fault.json'), JSON.stringify({ fault }))
  }

  /** Its own pages: the sign-in, then the consent. */
  async signIn(page: Page, person: string): Promise<void> {
    await page.locator('input[name=login]').fill(person)
    await page.locator('input[name=password]').fill('any')
    await page.locator('button[type=submit]').click()
    await expect(page.locator('input[name=prompt][value=consent]')).toBeAttached()
    await page.locator('button[type=submit]').click()
  }

  /** Signs out at the provider itself. */
  async signOut(page: Page): Promise<void> {
    await page.goto(`${this.url}/session/end`)
    await page.locator('button[name=logout]').click()
  }

  async stop(): Promise<void> {
    await this.service?.stop()
    rmSync(this.state, { recursive: true, force: true })
  }
}
