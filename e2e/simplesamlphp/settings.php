<?php

// Prints the settings that may change while the identity provider runs, taken from scripts/simplesamlphp's variables.

$flag = static fn (string $name): bool => getenv($name) === '1';
echo json_encode([
    'spEntityId' => getenv('IDP_SP_ENTITY_ID'),
    'acsUrls' => preg_split('/\s+/', getenv('IDP_SP_ACS'), -1, PREG_SPLIT_NO_EMPTY),
    'spMetadataFile' => getenv('IDP_SP_METADATA'),
    'spCertificate' => getenv('IDP_SP_CERTIFICATE'),
    'wsfedRealm' => getenv('IDP_WSFED_REALM'),
    'wsfedReply' => getenv('IDP_WSFED_REPLY'),
    'encrypt' => $flag('IDP_ENCRYPT'),
    'rolled' => $flag('IDP_ROLLED'),
    'signResponse' => $flag('IDP_SIGN_RESPONSE'),
    'signAssertion' => $flag('IDP_SIGN_ASSERTION'),
    'sloBinding' => 'redirect',
    'requireSignedRequests' => $flag('IDP_REQUIRE_SIGNED_REQUESTS'),
], JSON_PRETTY_PRINT | JSON_UNESCAPED_SLASHES), "\n";
