"""
Modules of Apache whose function is not here, and what to do instead.

Names are those of Apache 2.4.71 with all modules of its distribution.
"""

from __future__ import annotations

FILES = "no files are served here; leave it out, or keep a web server for them as a member"
_COMPRESS = "answers pass through as members make them; compress there"
_CACHE = "answers are not cached here; put a cache before or behind"
CONTENT = "bodies pass through as members send them; do this there"
LOGINS = "logins are checked with AuthType Basic and AuthUserFile only"
_LDAP = f"there is no LDAP here; {LOGINS}"
_SESSIONS = "there are no sessions of Apache's own here; members have their own"
_CERTIFICATES = (
    "certificates are not fetched here; let certbot or the like write them, and name them with"
    " SSLCertificateFile"
)
PROCESSES = (
    "one process with an event loop serves all; leave it out (max-connections of a listener"
    " bounds the clients)"
)
_PROTOCOL = "this protocol to members is not spoken here; let the member speak HTTP"
SCRIPTS = "no programs run within requests here; let a member do it"
_HTTP2 = "HTTP/2 is served with limits of its own, see http2-… in the reference; leave it out"
_ENVIRONMENT = "requests have no variables here other than BALANCER_…; leave it out"
_VHOSTS = "no files are served here; write a <VirtualHost> for each name"
_CONVERT = "`txbalancer convert` this file and add"

OF_MODULES: dict[str, tuple[str, str]] = {
    "access_compat": (
        "use Require: `Require ip …` for Deny from all and Allow from …",
        "Allow Deny Order Satisfy",
    ),
    "actions": (SCRIPTS, "Action Script"),
    "allowmethods": (
        f"{_CONVERT} mounts with `method =` and `to = status:405`",
        "AllowMethods",
    ),
    "asis": (FILES, ""),
    "auth_digest": (
        LOGINS,
        "AuthDigestAlgorithm AuthDigestDomain AuthDigestNcCheck AuthDigestNonceLifetime"
        " AuthDigestProvider AuthDigestQop AuthDigestShmemSize",
    ),
    "auth_form": (
        LOGINS,
        "AuthFormAuthoritative AuthFormBody AuthFormDisableNoStore AuthFormFakeBasicAuth"
        " AuthFormLocation AuthFormLoginRequiredLocation AuthFormLoginSuccessLocation"
        " AuthFormLogoutLocation AuthFormMethod AuthFormMimetype AuthFormPassword"
        " AuthFormProvider AuthFormSitePassphrase AuthFormSize AuthFormUsername",
    ),
    "authn_anon": (
        LOGINS,
        "Anonymous Anonymous_LogEmail Anonymous_MustGiveEmail Anonymous_NoUserId"
        " Anonymous_VerifyEmail",
    ),
    "authn_dbd": (LOGINS, "AuthDBDUserPWQuery AuthDBDUserRealmQuery"),
    "authn_dbm": (LOGINS, "AuthDBMType AuthDBMUserFile"),
    "authn_socache": (
        LOGINS,
        "AuthnCacheContext AuthnCacheEnable AuthnCacheProvideFor AuthnCacheSOCache"
        " AuthnCacheTimeout",
    ),
    "authnz_fcgi": (LOGINS, "AuthnzFcgiCheckAuthnProvider AuthnzFcgiDefineProvider"),
    "authnz_ldap": (
        _LDAP,
        "AuthLDAPAuthorizePrefix AuthLDAPBindAuthoritative AuthLDAPBindDN AuthLDAPBindPassword"
        " AuthLDAPCharsetConfig AuthLDAPCompareAsUser AuthLDAPCompareDNOnServer"
        " AuthLDAPDereferenceAliases AuthLDAPGroupAttribute AuthLDAPGroupAttributeIsDN"
        " AuthLDAPInitialBindAsUser AuthLDAPInitialBindPattern AuthLDAPMaxSubGroupDepth"
        " AuthLDAPRemoteUserAttribute AuthLDAPRemoteUserIsDN AuthLDAPSearchAsUser"
        " AuthLDAPSubGroupAttribute AuthLDAPSubGroupClass AuthLDAPURL",
    ),
    "authz_dbd": (LOGINS, "AuthzDBDLoginToReferer AuthzDBDQuery AuthzDBDRedirectQuery"),
    "authz_dbm": (LOGINS, "AuthDBMGroupFile AuthzDBMType"),
    "authz_groupfile": ("there are no groups of users here; use `Require user …`", "AuthGroupFile"),
    "authz_owner": (FILES, ""),
    "autoindex": (
        FILES,
        "AddAlt AddAltByEncoding AddAltByType AddDescription AddIcon AddIconByEncoding"
        " AddIconByType DefaultIcon FancyIndexing HeaderName IndexHeadInsert IndexIgnore"
        " IndexIgnoreReset IndexOptions IndexOrderDefault IndexStyleSheet ReadmeName",
    ),
    "brotli": (
        _COMPRESS,
        "BrotliAlterETag BrotliCompressionMaxInputBlock BrotliCompressionQuality"
        " BrotliCompressionWindow BrotliFilterNote",
    ),
    "bucketeer": (CONTENT, ""),
    "buffer": ("bodies stream both ways and are never collected; leave it out", "BufferSize"),
    "cache": (
        _CACHE,
        "CacheDefaultExpire CacheDetailHeader CacheDisable CacheEnable CacheHeader"
        " CacheIgnoreCacheControl CacheIgnoreHeaders CacheIgnoreNoLastMod CacheIgnoreQueryString"
        " CacheIgnoreURLSessionIdentifiers CacheKeyBaseURL CacheLastModifiedFactor CacheLock"
        " CacheLockMaxAge CacheLockPath CacheMaxExpire CacheMinExpire CacheQuickHandler"
        " CacheStaleOnError CacheStoreExpired CacheStoreNoStore CacheStorePrivate",
    ),
    "cache_disk": (
        _CACHE,
        "CacheDirLength CacheDirLevels CacheMaxFileSize CacheMinFileSize CacheReadSize"
        " CacheReadTime CacheRoot",
    ),
    "cache_socache": (
        _CACHE,
        "CacheSocache CacheSocacheMaxSize CacheSocacheMaxTime CacheSocacheMinTime"
        " CacheSocacheReadSize CacheSocacheReadTime",
    ),
    "case_filter": (CONTENT, "CaseFilter"),
    "case_filter_in": (CONTENT, "CaseFilterIn"),
    "cern_meta": (FILES, "MetaDir MetaFiles MetaSuffix"),
    "cgi": (SCRIPTS, "CGIScriptTimeout ScriptLog ScriptLogBuffer ScriptLogLength"),
    "cgid": (SCRIPTS, "CGIDScriptTimeout ScriptSock"),
    "charset_lite": (CONTENT, "CharsetDefault CharsetOptions CharsetSourceEnc"),
    "data": (CONTENT, ""),
    "dav": (FILES, "DAV DAVBasePath DAVDepthInfinity DAVLockDiscovery DAVMinTimeout"),
    "dav_fs": (FILES, "DAVLockDB"),
    "dav_lock": (FILES, "DAVGenericLockDB"),
    "dbd": (
        "there are no databases here; leave it out",
        "DBDExptime DBDInitSQL DBDKeep DBDMax DBDMin DBDParams DBDPersist DBDPrepareSQL DBDriver",
    ),
    "deflate": (
        _COMPRESS,
        "DeflateAlterETag DeflateBufferSize DeflateCompressionLevel DeflateFilterNote"
        " DeflateInflateLimitRequestBody DeflateInflateRatioBurst DeflateInflateRatioLimit"
        " DeflateMemLevel DeflateWindowSize",
    ),
    "dialup": (CONTENT, "ModemStandard"),
    "dir": (
        FILES,
        "DirectoryCheckHandler DirectoryIndex DirectoryIndexRedirect DirectorySlash"
        " FallbackResource",
    ),
    "dumpio": ("use tcpdump or the members' logs", "DumpIOInput DumpIOOutput"),
    "echo": ("only HTTP is spoken here", "ProtocolEcho"),
    "env": (
        "no variable has a meaning here but proxy-nokeepalive and force-proxy-request-1.0;"
        " leave it out",
        "PassEnv SetEnv UnsetEnv",
    ),
    "expires": (
        "use `Header set Expires …` or Cache-Control, or let members say it",
        "ExpiresActive ExpiresByType ExpiresDefault",
    ),
    "ext_filter": (SCRIPTS, "ExtFilterDefine ExtFilterOptions"),
    "file_cache": (FILES, "CacheFile MMapFile"),
    "filter": (
        CONTENT,
        "AddOutputFilterByType FilterChain FilterDeclare FilterProtocol FilterProvider FilterTrace",
    ),
    "http2": (
        _HTTP2,
        "H2CopyFiles H2Direct H2EarlyHint H2EarlyHints H2MaxDataFrameLen H2MaxHeaderBlockLen"
        " H2MaxStreamErrors H2MaxWorkerIdleSeconds H2MaxWorkers H2MinWorkers"
        " H2ModernTLSOnly H2OutputBuffering H2Padding H2ProxyRequests H2Push H2PushDiarySize"
        " H2PushPriority H2PushResource H2SerializeHeaders H2SessionExtraFiles H2StreamMaxMemSize"
        " H2StreamTimeout H2TLSCoolDownSecs H2TLSWarmUpSize H2Upgrade H2WebSockets",
    ),
    "ident": (
        "clients are not asked who they are; leave it out",
        "IdentityCheck IdentityCheckTimeout",
    ),
    "imagemap": (FILES, "ImapBase ImapDefault ImapMenu"),
    "include": (
        CONTENT,
        "SSIEndTag SSIErrorMsg SSIETag SSILastModified SSILegacyExprParser SSIStartTag"
        " SSITimeFormat SSIUndefinedEcho XBitHack",
    ),
    "info": ("use `txbalancer check` and `convert`, and the manager page", "AddModuleInfo"),
    "ldap": (
        _LDAP,
        "LDAPCacheEntries LDAPCacheTTL LDAPConnectionPoolTTL LDAPConnectionTimeout"
        " LDAPLibraryDebug LDAPOpCacheEntries LDAPOpCacheTTL LDAPReferralHopLimit LDAPReferrals"
        " LDAPRetries LDAPRetryDelay LDAPSharedCacheFile LDAPSharedCacheSize LDAPTimeout"
        " LDAPTrustedClientCert LDAPTrustedGlobalCert LDAPTrustedMode LDAPVerifyServerCert",
    ),
    "log_debug": ("use the access log", "LogMessage"),
    "log_forensic": ("use the access log", "ForensicLog"),
    "lua": (
        "write a filter plugin in Python instead, see docs/plugins.rst",
        "LuaAuthzProvider LuaCodeCache LuaHookAccessChecker LuaHookAuthChecker LuaHookCheckUserID"
        " LuaHookFixups LuaHookInsertFilter LuaHookLog LuaHookMapToStorage"
        " LuaHookPreTranslateName LuaHookTranslateName LuaHookTypeChecker LuaInherit"
        " LuaInputFilter LuaMapHandler LuaOutputFilter LuaPackageCPath LuaPackagePath"
        " LuaQuickHandler LuaRoot LuaScope",
    ),
    "macro": (
        "write out what the macro stands for",
        "Macro MacroIgnoreBadNesting MacroIgnoreEmptyArgs UndefMacro Use",
    ),
    "md": (
        _CERTIFICATES,
        "MDActivationDelay MDBaseServer MDCACertificateFile MDCAChallenges MDCertificateAgreement"
        " MDCertificateAuthority MDCertificateCheck MDCertificateFile MDCertificateKeyFile"
        " MDCertificateProtocol MDCertificateStatus MDChallengeDns01 MDChallengeDns01Version"
        " MDCheckInterval MDContactEmail MDDriveMode MDExternalAccountBinding MDHttpProxy"
        " MDHttpProxyCACertificateFile MDInitialDelay MDMatchNames MDMember MDMembers MDMessageCmd"
        " MDMustStaple MDNotifyCmd MDPortMap MDPrivateKeys MDProfile MDProfileMandatory"
        " MDRenewMode MDRenewViaARI MDRenewWindow MDRequireHttps MDRetryDelay MDRetryFailover"
        " MDServerStatus MDStapleOthers MDStapling MDStaplingKeepResponse MDStaplingRenewWindow"
        " MDStoreDir MDStoreLocks MDWarnWindow MDomain MDomainSet",
    ),
    "mime": (
        FILES,
        "AddCharset AddEncoding AddHandler AddInputFilter AddLanguage AddOutputFilter AddType"
        " DefaultLanguage ModMimeUsePathInfo MultiviewsMatch RemoveCharset RemoveEncoding"
        " RemoveHandler RemoveInputFilter RemoveLanguage RemoveOutputFilter RemoveType TypesConfig",
    ),
    "mime_magic": (FILES, "MimeMagicFile"),
    "negotiation": (FILES, "CacheNegotiatedDocs ForceLanguagePriority LanguagePriority"),
    "proxy_connect": ("there is no forward proxy here; leave it out", "AllowCONNECT"),
    "proxy_express": (
        "write the host names as <VirtualHost> sections",
        "ProxyExpressDBMFile ProxyExpressDBMType ProxyExpressEnable",
    ),
    "proxy_fdpass": (_PROTOCOL, ""),
    "proxy_ftp": (_PROTOCOL, "ProxyFtpDirCharset ProxyFtpEscapeWildcards ProxyFtpListOnWildcard"),
    "proxy_html": (
        "links in pages are not rewritten; let members make relative ones",
        "ProxyHTMLBufSize ProxyHTMLCharsetOut ProxyHTMLDoctype ProxyHTMLEnable ProxyHTMLEvents"
        " ProxyHTMLExtended ProxyHTMLFixups ProxyHTMLInterp ProxyHTMLLinks ProxyHTMLMeta"
        " ProxyHTMLStripComments ProxyHTMLURLMap",
    ),
    "proxy_scgi": (_PROTOCOL, "ProxySCGIInternalRedirect ProxySCGISendfile"),
    "proxy_uwsgi": (_PROTOCOL, ""),
    "ratelimit": ("answers go as fast as the client takes them; leave it out", ""),
    "reflector": (CONTENT, "ReflectorHeader"),
    "request": ("bodies stream and are never kept; leave it out", "KeptBodySize"),
    "rewrite": (
        "URLs are not rewritten here; for [P] use ProxyPass or ProxyPassMatch, for [R]"
        " Redirect or RedirectMatch",
        "RewriteBase RewriteCond RewriteEngine RewriteMap RewriteOptions RewriteRule",
    ),
    "sed": (CONTENT, "InputSed OutputSed"),
    "session": (
        _SESSIONS,
        "Session SessionEnv SessionExclude SessionExpiryUpdateInterval SessionHeader"
        " SessionInclude SessionMaxAge",
    ),
    "session_cookie": (_SESSIONS, "SessionCookieName SessionCookieName2 SessionCookieRemove"),
    "session_crypto": (
        _SESSIONS,
        "SessionCryptoCipher SessionCryptoDriver SessionCryptoPassphrase"
        " SessionCryptoPassphraseFile",
    ),
    "session_dbd": (
        _SESSIONS,
        "SessionDBDCookieName SessionDBDCookieName2 SessionDBDCookieRemove SessionDBDDeleteLabel"
        " SessionDBDInsertLabel SessionDBDPerUser SessionDBDSelectLabel SessionDBDUpdateLabel",
    ),
    "setenvif": (
        _ENVIRONMENT,
        "BrowserMatch BrowserMatchNoCase SetEnvIf SetEnvIfExpr SetEnvIfNoCase",
    ),
    "socache_dbm": ("there are no shared caches here; leave it out", ""),
    "socache_memcache": ("there are no shared caches here; leave it out", "MemcacheConnTTL"),
    "socache_redis": (
        "there are no shared caches here; leave it out",
        "RedisConnPoolTTL RedisTimeout",
    ),
    "speling": (FILES, "CheckBasenameMatch CheckCaseOnly CheckSpelling"),
    "substitute": (CONTENT, "Substitute SubstituteInheritBefore SubstituteMaxLineLength"),
    "suexec": (SCRIPTS, "SuexecUserGroup"),
    "unique_id": ("requests get no id here; let members make one", ""),
    "userdir": (FILES, "UserDir"),
    "usertrack": (
        "set a cookie with `Header add Set-Cookie …`",
        "CookieDomain CookieExpires CookieHttpOnly CookieName CookieSameSite CookieSecure"
        " CookieStyle CookieTracking",
    ),
    "vhost_alias": (
        _VHOSTS,
        "VirtualDocumentRoot VirtualDocumentRootIP VirtualScriptAlias VirtualScriptAliasIP",
    ),
    "xml2enc": (CONTENT, "xml2EncAlias xml2EncDefault xml2StartParse"),
}
"""Of each module whose function is not here: what to do instead, and its directives."""
