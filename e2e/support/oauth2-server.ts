// A second independent authorization server: npm `@node-oauth/oauth2-server` in a process of its own (oauth2-server/server.mjs).
import { type Page } from '@playwright/test'
import { join } from 'node:path'
import { Service, answersHttp, cleanEnvironment, freePort, repository } from './process'

export interface Counts {
  authorization_code: number
  refresh_token: number
  client_credentials: number
  revoked: number
  refreshTokens: number
}

export class AuthorizationServer {
  private constructor(
    readonly url: string,
    private readonly service: Service,
  ) {}

  /** `seconds` is the life of an access token. */
  static async start(seconds: number): Promise<AuthorizationServer> {
    const port = await freePort()
    const url = `http://localhost:${port}`
    const env = cleanEnvironment({ AS_PORT: String(port), AS_TOKEN_SECONDS: String(seconds) })
    const program = join(repository, 'e2e/oauth2-server/server.mjs')
    const ready = () => answersHttp(`${url}/journey/counts`)
    return new AuthorizationServer(url, await Service.start('oauth2-server', process.execPath, [program], env, ready))
  }

  /** Registers the one client's redirect URI. */
  async register(redirectUri: string): Promise<void> {
    await fetch(`${this.url}/journey/client`, { method: 'POST', body: new URLSearchParams({ redirectUri }) })
  }

  /** Its own page: who one is, and the consent. */
  async answer(page: Page, who: string, answer: 'Allow' | 'Deny'): Promise<void> {
    await page.getByLabel('Your name').fill(who)
    await page.getByRole('button', { name: answer }).click()
  }

  /** Every token is forgotten, as after a change of the password there. */
  async forget(): Promise<void> {
    await fetch(`${this.url}/journey/forget`, { method: 'POST' })
  }

  async counts(): Promise<Counts> {
    return (await fetch(`${this.url}/journey/counts`)).json() as Promise<Counts>
  }

  async stop(): Promise<void> {
    await this.service.stop()
  }
}
