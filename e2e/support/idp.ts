// The identity provider: Debian's SimpleSAMLphp, run by scripts/simplesamlphp with the people of its authsources.php.
import type { Page } from '@playwright/test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Service, answersHttp, cleanEnvironment, freePort, repository } from './process'

export type Person = 'alice' | 'bob' | 'mallory' | 'eve'

export interface IdpSettings {
  spEntityId: string
  acsUrls: string[]
  spMetadataFile: string
  encrypt: boolean
  rolled: boolean
  signResponse: boolean
  signAssertion: boolean
  requireSignedRequests: boolean
  sloBinding: string
  wsfedRealm: string
  wsfedReply: string
}

export class IdentityProvider {
  private constructor(
    readonly url: string,
    private readonly state: string,
    private readonly service: Service,
  ) {}

  static async start(): Promise<IdentityProvider> {
    const port = await freePort()
    const state = mkdtempSync(join(tmpdir(), 'gatehouse-idp-'))
    // "localhost" is another site than 127.0.0.1 to the browser, as a real identity provider is.
    const url = `http://localhost:${port}`
    const env = cleanEnvironment({ IDP_PORT: String(port), IDP_URL: url, IDP_STATE: state })
    const service = await Service.start('SimpleSAMLphp', join(repository, 'scripts/simplesamlphp'), [], env, () =>
      answersHttp(`http://127.0.0.1:${port}/saml2/idp/metadata.php`),
    )
    return new IdentityProvider(url, state, service)
  }

  get entityId(): string {
    return `${this.url}/saml2/idp/metadata.php`
  }

  get ssoUrl(): string {
    return `${this.url}/saml2/idp/SSOService.php`
  }

  get sloUrl(): string {
    return `${this.url}/saml2/idp/SingleLogoutService.php`
  }

  /** Where it takes WS-Federation requests, and its federation metadata. */
  get wsfedSignOnUrl(): string {
    return `${this.url}/module.php/adfs/idp/prp.php`
  }

  get wsfedMetadataUrl(): string {
    return `${this.url}/module.php/adfs/idp/metadata.php`
  }

  /** Where a person signs out of the provider itself; it says so on a page of its own when every application was told. */
  get signOutUrl(): string {
    return `${this.sloUrl}?${new URLSearchParams({ ReturnTo: `${this.url}/logout.php` })}`
  }

  /** The certificate it signs with, and the one it signs with once its key is rolled (PEM). */
  get certificate(): string {
    return readFileSync(join(this.state, 'cert/idp.crt'), 'utf8')
  }

  get nextCertificate(): string {
    return readFileSync(join(this.state, 'cert/idp-new.crt'), 'utf8')
  }

  /** Changes what it knows of the service provider and how it answers, from the next request on. */
  configure(change: Partial<IdpSettings>): void {
    const file = join(this.state, 'settings.json')
    const settings = JSON.parse(readFileSync(file, 'utf8')) as IdpSettings
    writeFileSync(file, JSON.stringify({ ...settings, ...change }))
  }

  /** What an administrator does there first: import the service provider's metadata document. */
  importMetadata(xml: string, acsUrls: string[]): void {
    const spMetadataFile = join(this.state, 'sp.xml')
    writeFileSync(spMetadataFile, xml)
    this.configure({ spMetadataFile, acsUrls })
  }

  /** Where a person's portal would send her to open the application. */
  startUrl(spEntityId: string, consumerUrl: string, relayState?: string): string {
    const query = new URLSearchParams({ spentityid: spEntityId, ConsumerURL: consumerUrl })
    if (relayState !== undefined) query.set('RelayState', relayState)
    return `${this.ssoUrl}?${query}`
  }

  /** Fills in its login form, which must be what the page shows. */
  async signIn(page: Page, person: Person): Promise<void> {
    await page.getByLabel('Username').fill(person)
    await page.getByLabel('Password').fill(`${person}-pass`)
    await page.getByRole('button', { name: 'Login' }).click()
  }

  async stop(): Promise<void> {
    await this.service.stop()
    rmSync(this.state, { recursive: true, force: true })
  }
}
