// A small client of the administration's HTTP interface.
import { type APIRequestContext, type PlaywrightWorkerArgs, expect } from '@playwright/test'
import type { Gatehouse, Owner } from './gatehouse'

// The bodies are judged by the assertions of the journeys.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Json = any

export class Api {
  constructor(
    private readonly http: APIRequestContext,
    private readonly token: string,
  ) {}

  get = (path: string) => this.call('GET', path)
  post = (path: string, body?: Json) => this.call('POST', path, body)
  put = (path: string, body?: Json) => this.call('PUT', path, body)
  delete = (path: string) => this.call('DELETE', path)

  /** Removes a connection, so that its domain is free for the next journey. */
  static async remove(playwright: PlaywrightWorkerArgs['playwright'], gatehouse: Gatehouse, owner: Owner, connection: string): Promise<void> {
    const context = await playwright.request.newContext({ baseURL: gatehouse.url })
    await new Api(context, await gatehouse.token(owner)).delete(`/api/v1/sso/connections/${connection}`)
    await context.dispose()
  }

  /** The answer whatever its status. */
  async send(method: string, path: string, body?: Json): Promise<{ status: number; body: Json }> {
    const response = await this.http.fetch(path, {
      method,
      data: body,
      headers: { authorization: `Bearer ${this.token}`, accept: 'application/json' },
    })
    return { status: response.status(), body: await response.json() }
  }

  /** The body of an answer that must be a success. */
  private async call(method: string, path: string, body?: Json): Promise<Json> {
    const answer = await this.send(method, path, body)
    expect(Math.floor(answer.status / 100), `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`).toBe(2)
    return answer.body
  }
}
