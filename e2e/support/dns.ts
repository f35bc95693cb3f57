// A real DNS server (dnsmasq) that is the authority for .test and knows only what a journey tells it.
import { Service, answersTcp, cleanEnvironment, freePort } from './process'

export class DnsServer {
  private service?: Service
  private constructor(private readonly port: number) {}

  static async start(): Promise<DnsServer> {
    const dns = new DnsServer(await freePort())
    await dns.setTxt({})
    return dns
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  /** Replaces all TXT records; every other name does not exist. */
  async setTxt(records: Record<string, string>): Promise<void> {
    await this.stop()
    const args = [
      '--keep-in-foreground', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--pid-file=',
      '--local=/test/', '--listen-address=127.0.0.1', '--bind-interfaces', `--port=${this.port}`, ...keepUser(),
      ...Object.entries(records).map(([name, value]) => `--txt-record=${name},${value}`),
    ]
    this.service = await Service.start('dnsmasq', 'dnsmasq', args, cleanEnvironment({}), () => answersTcp(this.port))
  }

  async stop(): Promise<void> {
    await this.service?.stop()
  }
}

/** As root it would change to a user that not every machine has. */
function keepUser(): string[] {
  return process.getuid?.() === 0 ? ['--user=root'] : []
}
