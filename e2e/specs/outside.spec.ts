// The programs around ours, checked by themselves, so that a failing journey points at the right side.
import { execFileSync } from 'node:child_process'
import { Resolver } from 'node:dns/promises'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Page, test as base, expect } from '@playwright/test'
import { DnsServer } from '../support/dns'
import { IdentityProvider } from '../support/idp'

const test = base.extend<object, { idp: IdentityProvider }>({
  idp: [
    async ({}, use) => {
      const idp = await IdentityProvider.start()
      await use(idp)
      await idp.stop()
    },
    { scope: 'worker' },
  ],
})

test('the DNS server knows a TXT record once it is set, and nothing else', async () => {
  const dns = await DnsServer.start()
  const resolver = new Resolver({ timeout: 1000, tries: 2 })
  resolver.setServers([dns.address])
  const name = '_gatehouse-verify.example.test'
  await expect(resolver.resolveTxt(name)).rejects.toMatchObject({ code: 'ENOTFOUND' })
  await dns.setTxt({ [name]: 'gatehouse-verify=abc' })
  expect(await resolver.resolveTxt(name)).toEqual([['gatehouse-verify=abc']])
  await dns.stop()
})

const acs = 'http://127.0.0.1:9/saml/acs/x/idp'

/** What the identity provider would post to the service provider. */
async function responseFor(page: Page, idp: IdentityProvider, spEntityId: string): Promise<string> {
  let response = ''
  await page.route(acs, (route) => {
    response = new URLSearchParams(route.request().postData() ?? '').get('SAMLResponse') ?? ''
    return route.abort()
  })
  await page.goto(idp.startUrl(spEntityId, acs))
  await idp.signIn(page, 'alice')
  await expect.poll(() => response).not.toBe('')
  return Buffer.from(response, 'base64').toString()
}

for (const { rolled, signAssertion } of [
  { rolled: false, signAssertion: true },
  { rolled: true, signAssertion: false },
]) {
  test(`the identity provider signs with its ${rolled ? 'next' : 'first'} key, and xmlsec1 agrees`, async ({ page, idp }) => {
    idp.configure({ acsUrls: [acs], rolled, signAssertion, signResponse: !signAssertion })
    const xml = await responseFor(page, idp, acs)
    expect(xml).toContain(`<saml:Audience>${acs}</saml:Audience>`)
    expect(xml).toContain('>alice@example.test</saml:NameID>')

    const dir = mkdtempSync(join(tmpdir(), 'gatehouse-xmlsec-'))
    writeFileSync(join(dir, 'response.xml'), xml)
    writeFileSync(join(dir, 'idp.crt'), rolled ? idp.nextCertificate : idp.certificate)
    const ids = ['Response', 'Assertion'].flatMap((element) => ['--id-attr:ID', element])
    execFileSync('xmlsec1', ['--verify', '--pubkey-cert-pem', 'idp.crt', ...ids, 'response.xml'], { cwd: dir, stdio: 'pipe' })
    rmSync(dir, { recursive: true })
  })
}

test("the identity provider reads a service provider's metadata and encrypts to its key", async ({ page, idp }) => {
  const certificate = idp.nextCertificate.replace(/-----[A-Z ]+-----|\s/g, '')
  const metadata = `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="http://127.0.0.1:9/saml/metadata">
    <SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
      <KeyDescriptor use="encryption"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data>
        <X509Certificate>${certificate}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>
      <AssertionConsumerService index="0" Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="http://127.0.0.1:9/saml/acs"/>
    </SPSSODescriptor></EntityDescriptor>`
  idp.importMetadata(metadata, [acs])
  idp.configure({ encrypt: true })
  const xml = await responseFor(page, idp, 'http://127.0.0.1:9/saml/metadata')
  expect(xml).toContain('http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p')
  expect(xml).not.toContain('alice@example.test')
})
