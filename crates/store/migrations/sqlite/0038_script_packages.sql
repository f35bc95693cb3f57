-- Packages that were installed for deployments of scripts.

CREATE TABLE script_packages (
    deployment_id TEXT NOT NULL REFERENCES script_deployments (id),
    -- names the folder of installed packages: SHA-256 of the lock and of what it was installed with
    package_key   TEXT NOT NULL,
    workspace_id  TEXT NOT NULL REFERENCES workspaces (id),
    -- language, version of the interpreter and platform that the versions were found for
    environment   TEXT NOT NULL,
    -- exact versions and checksums, as the installer reads them
    lock_text     TEXT NOT NULL,
    PRIMARY KEY (deployment_id, package_key)
);
