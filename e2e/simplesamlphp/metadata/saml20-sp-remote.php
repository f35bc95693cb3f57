<?php

// The service provider, known by its own metadata document if there is one, else by settings.
// It is known a second time with an IdP-initiated address as its name, which is what Okta's "Audience URI" does.

$settings = require __DIR__ . '/settings.php';

$sp = [];
if ($settings['spMetadataFile'] !== '') {
    $parsed = \SimpleSAML\Metadata\SAMLParser::parseFile($settings['spMetadataFile']);
    $sp = $parsed->getMetadata20SP();
    unset($sp['entityDescriptor'], $sp['expire'], $sp['metadata-set']);
}
$entityId = $sp['entityid'] ?? $settings['spEntityId'];

$endpoints = $sp['AssertionConsumerService'] ?? [];
foreach ($settings['acsUrls'] as $url) {
    if (!in_array($url, array_column($endpoints, 'Location'), true)) {
        $endpoints[] = [
            'Binding' => 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST',
            'Location' => $url,
            'index' => count($endpoints) + 100,
        ];
    }
}
$sp['AssertionConsumerService'] = $endpoints;
// one of the bindings that the metadata offers for logout, the one the test is about
$binding = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-' . ($settings['sloBinding'] === 'post' ? 'POST' : 'Redirect');
$sp['SingleLogoutService'] = array_values(array_filter(
    $sp['SingleLogoutService'] ?? [],
    static fn (array $service): bool => $service['Binding'] === $binding,
));
// the test decides what is signed, whatever the metadata asks for (WantAssertionsSigned)
$sp['saml20.sign.assertion'] = $settings['signAssertion'];
$sp['saml20.sign.response'] = $settings['signResponse'];
$sp += ['NameIDFormat' => 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress'];
if ($settings['spCertificate'] !== '') {
    $sp['keys'] = [[
        'type' => 'X509Certificate',
        'signing' => true,
        'encryption' => true,
        'X509Certificate' => $settings['spCertificate'],
    ]];
}

$metadata[$entityId] = $sp;
foreach (preg_grep('#/idp$#', $settings['acsUrls']) as $url) {
    $metadata[$url] = ['entityid' => $url] + $sp;
}
