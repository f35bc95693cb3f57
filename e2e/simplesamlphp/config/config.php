<?php

// SimpleSAMLphp as a throw-away identity provider for tests; scripts/simplesamlphp starts it.

$state = getenv('IDP_STATE');
$settings = json_decode(file_get_contents("$state/settings.json"), true);
// it follows the wreply of WS-Federation to the relying party that it knows
$relyingParty = parse_url($settings['wsfedReply']);
$config = [
    'baseurlpath' => getenv('IDP_URL') . '/',
    'certdir' => "$state/cert/",
    'datadir' => "$state/data/",
    'loggingdir' => "$state/log/",
    'tempdir' => "$state/tmp",
    'metadatadir' => dirname(__DIR__) . '/metadata/',
    'metadata.sources' => [['type' => 'flatfile']],

    'secretsalt' => hash_file('sha256', "$state/cert/idp.key"),
    'auth.adminpassword' => bin2hex(random_bytes(16)),
    'admin.checkforupdates' => false,
    'technicalcontact_name' => 'Gatehouse tests',
    'technicalcontact_email' => 'tests@example.test',
    'timezone' => 'UTC',
    'language.available' => ['en'],
    'language.default' => 'en',

    'trusted.url.domains' => [$relyingParty['host'] . (isset($relyingParty['port']) ? ':' . $relyingParty['port'] : '')],

    'enable.saml20-idp' => true,
    'enable.adfs-idp' => true,
    'module.enable' => ['core' => true, 'saml' => true, 'adfs' => true, 'exampleauth' => true],
    'authproc.idp' => [],

    'store.type' => 'phpsession',
    'session.phpsession.savepath' => "$state/tmp",
    'session.cookie.secure' => false,

    'logging.handler' => 'file',
    'logging.level' => 6,
    'logging.logfile' => 'idp.log',
    'showerrors' => true,
    'errorreporting' => false,
];
