// Starts `invarlock language-server` and hands it every open policy.
import { type ExtensionContext, window, workspace } from "vscode";
import { LanguageClient, type LanguageClientOptions, type ServerOptions } from "vscode-languageclient/node";

let client: LanguageClient | undefined;

export async function activate(context: ExtensionContext): Promise<void> {
  context.subscriptions.push(
    workspace.onDidChangeConfiguration(async (event) => {
      if (event.affectsConfiguration("invarlock.server")) {
        await stop();
        await start();
      }
    }),
  );
  await start();
}

export async function deactivate(): Promise<void> {
  await stop();
}

async function start(): Promise<void> {
  const settings = workspace.getConfiguration("invarlock.server");
  const command = settings.get<string>("path", "invarlock");
  const server: ServerOptions = { command, args: settings.get<string[]>("arguments", ["language-server"]) };
  const options: LanguageClientOptions = { documentSelector: [{ language: "invar" }] };
  client = new LanguageClient("invarlock", "invarlock", server, options);
  try {
    await client.start();
  } catch (error) {
    client = undefined;
    const reason = error instanceof Error ? error.message : String(error);
    void window.showErrorMessage(
      `\`${command}\` does not start: ${reason}. Install it with pip install 'invarlock[advanced]', ` +
        "or set invarlock.server.path.",
    );
  }
}

async function stop(): Promise<void> {
  const running = client;
  client = undefined;
  await running?.stop();
}
