// A second independent identity provider: npm `samlp` in a process of its own (samlp/idp.cjs).
import type { Page } from '@playwright/test'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Service, answersHttp, cleanEnvironment, freePort, repository } from './process'

export type Binding = 'HTTP-Redirect' | 'HTTP-POST'

export interface ServiceProvider {
  entityId: string
  acsUrl: string
  sloUrl: string
  /** With which our logout messages are signed (PEM). */
  certificate: string
}

interface Settings {
  sp?: ServiceProvider
  /** For whom assertions are encrypted (PEM). */
  encryptionCert?: string
  rolled: boolean
  signResponse: boolean
  logoutBinding: string
}

const initial: Settings = { rolled: false, signResponse: false, logoutBinding: uri('HTTP-Redirect') }

function uri(binding: Binding): string {
  return `urn:oasis:names:tc:SAML:2.0:bindings:${binding}`
}

export class SecondProvider {
  private settings = initial

  private constructor(
    readonly url: string,
    private readonly state: string,
    private readonly service: Service,
  ) {}

  static async start(): Promise<SecondProvider> {
    const port = await freePort()
    const state = mkdtempSync(join(tmpdir(), 'gatehouse-samlp-'))
    for (const name of ['old', 'new']) {
      const files = ['-keyout', join(state, `${name}.key`), '-out', join(state, `${name}.crt`)]
      execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', `/CN=samlp ${name}`, ...files], { stdio: 'ignore' })
    }
    writeFileSync(join(state, 'settings.json'), JSON.stringify(initial))
    // "localhost" is another site than 127.0.0.1 to the browser, as a real identity provider is.
    const url = `http://localhost:${port}`
    const env = cleanEnvironment({ IDP_PORT: String(port), IDP_URL: url, IDP_STATE: state })
    const service = await Service.start('samlp', process.execPath, [join(repository, 'e2e/samlp/idp.cjs')], env, () =>
      answersHttp(`http://127.0.0.1:${port}/metadata`),
    )
    return new SecondProvider(url, state, service)
  }

  get entityId(): string {
    return `${this.url}/metadata`
  }

  get ssoUrl(): string {
    return `${this.url}/sso`
  }

  get sloUrl(): string {
    return `${this.url}/slo`
  }

  certificate(which: 'old' | 'new'): string {
    return readFileSync(join(this.state, `${which}.crt`), 'utf8')
  }

  /** Changes how it answers, from the next request on. */
  configure(change: Partial<Omit<Settings, 'logoutBinding'>> & { logoutBinding?: Binding }): void {
    const { logoutBinding, ...rest } = change
    this.settings = { ...this.settings, ...rest, ...(logoutBinding ? { logoutBinding: uri(logoutBinding) } : {}) }
    writeFileSync(join(this.state, 'settings.json'), JSON.stringify(this.settings))
  }

  async signIn(page: Page, person: 'alice' | 'bob'): Promise<void> {
    await page.getByLabel('Username').fill(person)
    await page.getByLabel('Password').fill(`${person}-pass`)
    await page.getByRole('button', { name: 'Login' }).click()
  }

  async stop(): Promise<void> {
    await this.service.stop()
    rmSync(this.state, { recursive: true, force: true })
  }
}

/** The certificate in a metadata document, as PEM. */
export function certificateIn(metadata: string): string {
  const body = /<(?:\w+:)?X509Certificate>([^<]+)</.exec(metadata)?.[1]?.replace(/\s/g, '')
  if (!body) throw new Error('the metadata has no certificate')
  return `-----BEGIN CERTIFICATE-----\n${body.match(/.{1,64}/g)!.join('\n')}\n-----END CERTIFICATE-----\n`
}
